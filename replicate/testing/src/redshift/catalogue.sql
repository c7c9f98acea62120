CREATE SCHEMA redshift;
CREATE TABLE redshift.stv_slices (node int, slice int);
CREATE TABLE redshift.sys_load_error_detail (
    user_id int, query_id bigint, transaction_id bigint, session_id int, database_name varchar(64), table_id int,
    start_time timestamp DEFAULT now(), file_name varchar(256), line_number bigint, column_name varchar(127),
    column_type varchar(10), column_length varchar(10), position int, error_code int, error_message varchar(512));
CREATE TABLE redshift.vacuumed (at int GENERATED ALWAYS AS IDENTITY, statement text);
CREATE VIEW redshift.stl_load_errors AS
    SELECT session_id AS session, start_time AS starttime, file_name AS filename, line_number, column_name AS colname,
        column_type AS type, position, error_code AS err_code, error_message AS err_reason
    FROM redshift.sys_load_error_detail;
CREATE VIEW redshift.svv_columns AS
    SELECT table_catalog, table_schema, table_name, column_name, ordinal_position, column_default, is_nullable,
        CASE data_type WHEN 'bytea' THEN 'binary varying' WHEN 'jsonb' THEN 'super' ELSE data_type END AS data_type,
        character_maximum_length, numeric_precision, numeric_scale
    FROM information_schema.columns;
-- The sort key stands in the table's comment, where CREATE TABLE put it.
CREATE VIEW redshift.svv_table_info AS
    SELECT current_database() AS database, n.nspname AS schema, c.oid AS table_id, c.relname AS "table",
        obj_description(c.oid, 'pg_class') AS sortkey1, greatest(c.reltuples, 0)::bigint AS tbl_rows,
        0::numeric AS unsorted, 0::numeric AS stats_off
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'redshift');
CREATE FUNCTION redshift.getdate() RETURNS timestamp LANGUAGE sql STABLE
    AS $$ SELECT (now() AT TIME ZONE 'UTC')::timestamp(0) $$;
CREATE FUNCTION redshift.to_hex(bytea) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT encode($1, 'hex') $$;
