{# How spellings of a name compare. PostgreSQL and Spark SQL fold differently; each macro has one meaning on every engine. The
   collation by which a letter is made small goes no further: what is made of the text, as a contact's id, would have it too,
   and the index of a column with another could not be asked for it. #}

{# Blanks of every kind, those that nobody sees among them, as a set of a pattern. #}
{% macro blanks() %}{{ return(adapter.dispatch('blanks')()) }}{% endmacro %}
{% macro default__blanks() -%}[ \t\n\r\f\v\u00a0\u2000-\u200d\u202f\u205f\u2060\u3000\ufeff]{%- endmacro %}

{# A text in NFC, case-folded, runs of white space as one blank (R35); a blank that nobody sees is one too. #}
{% macro folded_text(text) %}{{ return(adapter.dispatch('folded_text')(text)) }}{% endmacro %}
{% macro default__folded_text(text) -%}
    btrim(regexp_replace(
        replace(lower(normalize({{ text }}, nfc) collate "pg_c_utf8") collate "default", 'ß', 'ss'),
        '{{ blanks() }}+', ' ', 'g'
    ))
{%- endmacro %}

{# A name without accents, in small letters, one blank for what is no letter (R41), as `optkeeper.landing.countries.folded`. #}
{% macro folded_name(text) %}{{ return(adapter.dispatch('folded_name')(text)) }}{% endmacro %}
{% macro default__folded_name(text) -%}
    case
        when {{ text }} ~ '^[A-Za-z0-9]*$' then lower({{ text }})
        else btrim(regexp_replace(
            lower(
                replace(replace(replace(replace(replace(replace(replace(replace(replace(
                    regexp_replace(normalize({{ text }}, nfkd), '[\u0300-\u036f]', '', 'g'),
                    'ß', 'ss'), 'æ', 'ae'), 'Æ', 'ae'), 'œ', 'oe'), 'Œ', 'oe'), 'ø', 'o'), 'Ø', 'o'), 'ł', 'l'), 'Ł', 'l')
                collate "C"
            ) collate "default",
            '[^a-z0-9]+', ' ', 'g'
        ))
    end
{%- endmacro %}
