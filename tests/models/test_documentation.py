"""The plugin that the documentation shows whole is the one that is tested."""

from pathlib import Path

HERE = Path(__file__).parent


def test_the_page_on_interfaces_has_the_ensemble_as_it_is():
    page = (HERE.parents[1] / "docs" / "interfaces.md").read_text(encoding="utf-8")
    assert f"```python\n{(HERE / 'aifs_crps' / 'plugin.py').read_text(encoding='utf-8')}```\n" in page
