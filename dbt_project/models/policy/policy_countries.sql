with policy as (

    select * from {{ ref('policy') }}

),

basis_matrix as (

    select * from {{ ref('basis_matrix') }}

),

named as (

    select country from policy
    where country <> '*'
    union
    select country from basis_matrix
    where country <> '*'

)

select * from named
