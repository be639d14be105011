{%- set contract = cookiecutter._kinds[cookiecutter.kind].contract -%}
{%- set reader = cookiecutter.kind in ('source', 'output') -%}
{%- if reader -%}
{% filter trim %}{% include "kinds/" ~ cookiecutter.kind ~ "/test_contract.py" %}{% endfilter %}
{%- else -%}
"""Whether all that this distribution offers keeps its contract."""

from anemoi_plugin_testing import {{ 'ConfigContract, ' if cookiecutter.__conf and cookiecutter.kind not in ('command', 'config') }}{{ contract or 'Contract' }}


class Test{{ cookiecutter.kind | replace('_', ' ') | title | replace(' ', '') }}({{ contract or 'Contract' }}):
{%- if not contract %}
    kind = "{{ cookiecutter.kind }}"
{%- endif %}
    name = "{{ cookiecutter.name }}"
{%- endif %}
{%- if cookiecutter.__conf and cookiecutter.kind != 'config' %}


class TestConfiguration(ConfigContract):
    name = "{{ cookiecutter.name }}"
{%- endif %}
