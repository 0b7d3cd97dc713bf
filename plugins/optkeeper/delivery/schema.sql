-- The schema `delivery`: what was handed over, and what was mailed. Only `optkeeper.delivery` writes here.
-- No address of a contact stands here; a recipient stands here as a digest.

create schema if not exists delivery;

-- what older versions left, with a list for each purpose, and a mail for each list: kept, and read no more
do $$
begin
    if exists (
        select from pg_attribute
        where attrelid = to_regclass('delivery.lists') and attname = 'purpose' and not attisdropped
    ) then
        alter table delivery.lists rename to lists_by_purpose;
        alter table delivery.mails rename to mails_by_purpose;
    end if;
    if exists (
        select from pg_attribute
        where attrelid = to_regclass('delivery.mails') and attname = 'channel' and not attisdropped
    ) then
        alter table delivery.mails rename to mails_by_list;
    end if;
end
$$;

-- Grain: one revision of one list. A row stands only after its files and its manifest do.
create table if not exists delivery.lists (
    list text not null,
    list_date date not null,
    brand text not null,
    channel text not null,
    revision integer not null check (revision > 0),
    rows_digest text not null,      -- SHA-256 of the rows; decides whether anything is mailed
    content_digest text not null,   -- SHA-256 of all that the files say but the run; decides whether files are replaced
    digest text not null,           -- SHA-256 of the manifest, which holds those of the files
    row_count integer not null,
    urls text[] not null,
    run_id text not null,
    policy_version text not null,
    delivered_at timestamptz not null,
    primary key (list, list_date, brand, channel, revision)
);

comment on table delivery.lists is
    'Every list that was delivered. Grain: one revision of one list of one day, brand and channel.';

-- Grain: one mail to one recipient about its lists of one day. Claimed before it is sent.
create table if not exists delivery.mails (
    list text not null,
    list_date date not null,
    recipient_digest text not null, -- SHA-256 of the recipient's address
    place integer not null check (place > 0),  -- the first mail of the day, the second, ...
    lists jsonb not null,           -- the lists that it tells of, by brand and channel, with the digest of their rows
    replaces text[] not null,       -- those of them that take the place of one that an earlier mail told of
    message_id text not null unique,
    claimed_at timestamptz not null,
    sent_at timestamptz,
    primary key (list, list_date, recipient_digest, place)
);

comment on table delivery.mails is
    'Every mail about lists. Grain: one mail of one day to one recipient; sent_at is null while it is not known to be sent.';
