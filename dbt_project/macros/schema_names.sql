{# A model's schema is the one its layer names, whatever the profile's own is; a question about another state of knowledge
   is answered in schemas of its own, beside the standing build. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ var('schema_prefix', '') }}{{ custom_schema_name | trim if custom_schema_name else target.schema }}
{%- endmacro %}
