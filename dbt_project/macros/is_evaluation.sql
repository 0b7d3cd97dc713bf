{# Whether this build answers given questions, each in a world of its own, instead of deciding for today. #}
{% macro is_evaluation() %}{{ return(var('questions', false)) }}{% endmacro %}

{# The moment for which production decides; a build that names none stops here. #}
{% macro business_moment() -%}
    {%- if execute and not var('as_of') -%}
        {{ exceptions.raise_compiler_error("the business moment is missing: pass the variable as_of") }}
    {%- endif -%}
    cast('{{ var("as_of") }}' as timestamptz)
{%- endmacro %}
