{%- set contract = cookiecutter._kinds[cookiecutter.kind].contract -%}
{%- set configs = cookiecutter.kind != 'config' and cookiecutter.__conf and cookiecutter.__configs == cookiecutter.name -%}
{%- set reader = cookiecutter.kind in ('source', 'output') -%}
{%- if reader -%}
{% filter trim %}{% include "kinds/" ~ cookiecutter.kind ~ "/test_contract.py" %}{% endfilter %}
{%- else -%}
"""Whether all that this distribution offers keeps its contract."""

from anemoi_plugin_testing import {{ 'ConfigContract, ' if configs }}{{ contract or 'Contract' }}


class Test{{ cookiecutter.kind | replace('_', ' ') | title | replace(' ', '') }}({{ contract or 'Contract' }}):
{%- if not contract %}
    kind = "{{ cookiecutter.kind }}"
{%- endif %}
    name = "{{ cookiecutter.__configs if cookiecutter.kind == 'config' else cookiecutter.name }}"
{%- endif %}
{%- if configs %}


class TestConfiguration(ConfigContract):
    name = "{{ cookiecutter.name }}"
{%- endif %}
