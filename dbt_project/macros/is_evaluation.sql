{# Whether this build answers given questions, each in a world of its own, instead of deciding for today. #}
{% macro is_evaluation() %}{{ return(var('questions', false)) }}{% endmacro %}
