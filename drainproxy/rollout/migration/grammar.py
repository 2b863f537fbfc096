"""Lists of what may occur in a statement that only adds or moves data.

Class names are those of sqlglot's tree; function names are those that every server has and that
change nothing. What is on no list is not understood.
"""

import re
from typing import Final


def _names(*lines: str) -> frozenset[str]:
    return frozenset(name for line in lines for name in line.split())


# Statements that change nothing by themselves: their words, with blanks for what is quoted.
NEUTRAL: Final = re.compile(
    r"BEGIN(?: WORK| TRANSACTION)?|BEGIN (?:DEFERRED|IMMEDIATE|EXCLUSIVE)(?: TRANSACTION)?"
    r"|START TRANSACTION|(?:COMMIT|END)(?: WORK| TRANSACTION)?"
    r"|SET (?:LOCAL |SESSION )?(?:LOCK_TIMEOUT|STATEMENT_TIMEOUT|LOCK_WAIT_TIMEOUT"
    r"|IDLE_IN_TRANSACTION_SESSION_TIMEOUT|CLIENT_MIN_MESSAGES) ?(?:=|TO) ?(?:' '|[0-9]+|[A-Z]+)"
    r"|RESET (?:LOCK_TIMEOUT|STATEMENT_TIMEOUT|IDLE_IN_TRANSACTION_SESSION_TIMEOUT)"
    r"|SET NAMES (?:UTF8|UTF8MB4)"
)

# What takes away, by the first words of a statement, understood or not.
CONTRACT_WORDS: Final = {
    "DROP": "drops something that code of the version before may use",
    "TRUNCATE": "deletes all rows",
    "REVOKE": "takes a privilege away",
    "RENAME": "renames something that code of the version before may use",
    "REPLACE": "deletes the rows that it replaces",
}

# The same, by the class of a node that stands anywhere in a statement.
CONTRACT_NODES: Final = {
    "Drop": "drops something that code of the version before may use",
    "DropPrimaryKey": "drops the primary key",
    "DropPartition": "drops a partition with its rows",
    "TruncateTable": "deletes all rows",
    "Delete": "deletes rows that code of the version before may use",
    "Revoke": "takes a privilege away",
    "RenameColumn": "renames a column that code of the version before may use",
    "RenameIndex": "renames an index",
    "AlterRename": "renames something that code of the version before may use",
    "ModifyColumn": "changes the type or the constraints of a column",
    "SwapTable": "puts another table in the place of one",
}

# Words, outside of quotes, that no statement which only adds or moves data needs: a second look at
# what the tree has shown, for whatever a parser leaves out silently.
DANGEROUS: Final = _names(
    "DROP DELETE TRUNCATE RENAME GRANT REVOKE EXECUTE CALL TRIGGER RULE POLICY PROCEDURE FUNCTION",
    "UNIQUE CHECK REFERENCES FOREIGN PRIMARY EXCLUDE VALIDATE INHERIT INHERITS ATTACH DETACH OWNER",
    "MODIFY CHANGE CONVERT PARTITION GENERATED IDENTITY SERIAL AUTO_INCREMENT AUTOINCREMENT",
    "ENABLE DISABLE SECURITY CASCADE OUTFILE DUMPFILE INFILE COPY LOAD LOCK PREPARE REPLACE",
    "TEMP TEMPORARY PRAGMA IMPORT CLUSTER ALTER CREATE DEFINER",
)
DATA_DANGEROUS: Final = _names(
    "DROP DELETE TRUNCATE GRANT REVOKE EXECUTE CALL TRIGGER PROCEDURE OUTFILE DUMPFILE INFILE",
    "REPLACE PREPARE TEMP TEMPORARY ALTER CREATE",
)
# A table that this file creates may have all this, for nobody uses it yet.
HARMLESS_IN_NEW: Final = _names(
    "UNIQUE CHECK REFERENCES FOREIGN PRIMARY EXCLUDE PARTITION GENERATED IDENTITY SERIAL",
    "AUTO_INCREMENT AUTOINCREMENT CASCADE",
)
# Values: columns, constants, operators. Functions are known by their names as well.
VALUE_NODES: Final = _names(
    "Column Identifier Literal Boolean Null Paren Neg Not Tuple Star Var Between In Is Case If",
    "Cast DataType DataTypeParam Interval IntervalSpan AtTimeZone Bracket HexString BitString",
    "National Distinct Escape JSONPath JSONPathRoot JSONPathKey JSONPathSubscript",
    "Add Sub Mul Div IntDiv Mod Pow DPipe EQ NEQ GT GTE LT LTE NullSafeEQ NullSafeNEQ And Or Xor",
    "Like ILike SimilarTo RegexpLike RegexpILike Glob Collate BitwiseAnd BitwiseOr BitwiseXor",
    "BitwiseNot BitwiseLeftShift BitwiseRightShift JSONExtract JSONExtractScalar JSONBExtract",
    "JSONBExtractScalar JSONBContains ArrayContainsAll ArrayContainedBy ArrayOverlaps",
)
# Queries, which read.
QUERY_NODES: Final = VALUE_NODES | _names(
    "Select From Where Join Group Having Order Ordered Limit Offset Fetch Subquery Table",
    "TableAlias Alias With CTE Union Except Intersect Values Window WindowSpec Filter Lateral Lock",
    "Any All Exists",
)
# What moves data.
DATA_NODES: Final = QUERY_NODES | _names(
    "Insert Update Merge Whens When OnConflict Returning Schema"
)
# An index: of columns, not of what may fail for a row that code of the version before writes.
INDEX_NODES: Final = _names(
    "Create Index IndexParameters Ordered Column Identifier Table Var Lower Upper Coalesce Where",
    "Is Null Not And Or EQ NEQ GT GTE LT LTE In Literal Boolean Paren Opclass Collate Property",
)
# The definition of a table: columns, constraints, and what these are made of.
TABLE_NODES: Final = VALUE_NODES | _names(
    "Schema Table ColumnDef ColumnConstraint Constraint ForeignKey PrimaryKey Reference Ordered",
    "NotNullColumnConstraint DefaultColumnConstraint UniqueColumnConstraint",
    "PrimaryKeyColumnConstraint CheckColumnConstraint CommentColumnConstraint",
    "CollateColumnConstraint CharacterSetColumnConstraint OnUpdateColumnConstraint",
    "GeneratedAsIdentityColumnConstraint ComputedColumnConstraint AutoIncrementColumnConstraint",
    "IndexColumnConstraint ExcludeColumnConstraint IndexParameters WithOperator Opclass",
    "ColumnPosition Properties Property EngineProperty CharacterSetProperty CollateProperty",
    "SchemaCommentProperty AutoIncrementProperty UnloggedProperty StrictProperty LikeProperty",
    "PartitionedByProperty RowFormatProperty WithoutRowIdProperty",
)
# A new partition of a new table; and types with a schema.
PARTITION_NODES: Final = _names("Dot PartitionBoundSpec PartitionedOfProperty")
# What a table may have that surely keeps its own rows: others show those of a table elsewhere, so
# that a DELETE takes them there. MySQL's LIKE copies the engine with its connection.
OWN_ROWS: Final = _names(
    "AutoIncrementProperty CharacterSetProperty CollateProperty EngineProperty LikeProperty",
    "PartitionedByProperty Property RowFormatProperty SchemaCommentProperty StrictProperty",
    "UnloggedProperty WithoutRowIdProperty",
)
NOT_IN_MYSQL: Final = _names("LikeProperty PartitionedByProperty Property")
ENGINES: Final = _names("innodb myisam aria memory")
# Engines whose tables are nothing but tables, and options of all of them.
LOCAL_ENGINES: Final = ENGINES | _names("archive blackhole csv heap ndb ndbcluster rocksdb")
TABLE_OPTIONS: Final = _names(
    "avg_row_length checksum delay_key_write encryption key_block_size max_rows min_rows pack_keys",
    "stats_auto_recalc stats_persistent stats_sample_pages",
)
# What a new column of an existing table may have. A default is a constant: then no row is read.
COLUMN_CONSTRAINTS: Final = _names(
    "NotNullColumnConstraint DefaultColumnConstraint CommentColumnConstraint",
    "CollateColumnConstraint CharacterSetColumnConstraint OnUpdateColumnConstraint",
)
COLUMN_NODES: Final = COLUMN_CONSTRAINTS | _names(
    "ColumnDef ColumnConstraint ColumnPosition Column Identifier DataType DataTypeParam Literal",
    "Boolean Null Neg Paren Cast Interval Var Array CurrentTimestamp CurrentDate CurrentTime",
    # A type with its schema.
    "HexString BitString Dot",
)
CONSTANT_NODES: Final = _names(
    "Literal Boolean Null Neg Paren Cast DataType DataTypeParam Interval Var Array",
    "CurrentTimestamp CurrentDate CurrentTime Identifier HexString BitString",
)
TIGHTENING_COLUMN: Final = {
    "UniqueColumnConstraint": "UNIQUE",
    "PrimaryKeyColumnConstraint": "PRIMARY KEY",
    "CheckColumnConstraint": "CHECK",
    "Reference": "a foreign key",
}
TIGHTENING_TABLE: Final = TIGHTENING_COLUMN | {
    "PrimaryKey": "a primary key",
    "ForeignKey": "a foreign key",
    "ExcludeColumnConstraint": "EXCLUDE",
    "Constraint": "a constraint",
}
_HIDES_THE_ID: Final = "hides the row's own id from queries that use it"
_IS_THE_CONSTANT: Final = "takes the place of the constant: `paid = true` compares with it"
# What a column of such a name does to code that does not know it. MySQL makes `my_row_id` itself,
# also on a replica alone: the same column from its source ends the replication. SQLite reads TRUE
# and FALSE as constants only if no column has the name ("Boolean Expressions" of its manual).
TAKEN_NAMES: Final[dict[str, dict[str, str]]] = {
    "postgres": {},
    "mysql": {
        "_rowid": _HIDES_THE_ID,
        "my_row_id": _HIDES_THE_ID,
        "fts_doc_id": "numbers the rows of a FULLTEXT index, and InnoDB refuses rows without one",
    },
    "sqlite": {
        "_rowid_": _HIDES_THE_ID,
        "oid": _HIDES_THE_ID,
        "rowid": _HIDES_THE_ID,
        "true": _IS_THE_CONSTANT,
        "false": _IS_THE_CONSTANT,
    },
}
SEQUENCE_NODES: Final = _names("SequenceProperties Literal Neg Column Var DataType")
TYPE_NODES: Final = _names("DataType DataTypeParam Literal Schema ColumnDef")
# What an index may compute: this never fails, whatever the row.
INDEX_FUNCTIONS: Final = _names("lower upper coalesce")

# PostgreSQL's own, by which an index compares, and two of pg_trgm.
ACCESS_METHODS: Final = {"", *_names("brin btree gin gist hash spgist")}
OPERATOR_CLASSES: Final = _names(
    "array_ops bit_ops bool_ops box_ops bpchar_ops bpchar_pattern_ops bytea_ops cidr_ops date_ops",
    "enum_ops float4_ops float8_ops inet_ops int2_ops int4_ops int8_ops interval_ops jsonb_ops",
    "jsonb_path_ops macaddr_ops multirange_ops name_ops numeric_ops oid_ops point_ops range_ops",
    "record_ops text_ops text_pattern_ops time_ops timestamp_ops timestamptz_ops timetz_ops",
    "tsquery_ops tsvector_ops uuid_ops varbit_ops varchar_ops varchar_pattern_ops",
    "gin_trgm_ops gist_trgm_ops",
)

# Types that each server brings with it. A domain of one's own may carry NOT NULL and CHECK.
TYPES: Final = {
    "postgres": _names(
        "bigint bigserial bit bool boolean box bpchar bytea char character cidr circle date",
        "datemultirange daterange dec decimal float float4 float8 inet int int2 int4 int8 integer",
        "int4multirange int4range int8multirange int8range interval json jsonb jsonpath line lseg",
        "macaddr macaddr8 money name nchar numeric nummultirange numrange oid path pg_lsn point",
        "polygon real regclass serial smallint smallserial text time",
        "timestamp timestamptz timetz tsmultirange tsquery tsrange tstzmultirange tstzrange",
        "tsvector uuid varbit varchar xml",
    )
    | {"double precision", "char varying", "character varying"},
    "mysql": _names(
        "bigint binary bit blob bool boolean char character date datetime dec decimal double enum",
        "fixed float float4 float8 geometry int int1 int2 int3 int4 int8 integer interval json",
        "linestring longblob longtext mediumblob mediumint mediumtext multilinestring",
        "multipoint multipolygon nchar numeric nvarchar point polygon real serial set signed",
        "smallint text time timestamp tinyblob tinyint tinytext unsigned uuid varbinary varchar",
        "vector year",
    )
    | {"double precision", "char varying", "character varying"}
    | {"signed integer", "unsigned integer"},
    "sqlite": _names(
        "any bigint blob bool boolean char character clob date datetime decimal double float int",
        "int2 int8 integer json mediumint nchar numeric nvarchar real smallint text time timestamp",
        "tinyint uuid varchar",
    )
    | {"double precision"},
}
# PostgreSQL's types that have no default operator class of btree or hash, and so no equality.
WITHOUT_EQUALITY: Final = _names("box circle json jsonpath line lseg path point polygon xml")
# Words that sqlglot counts among those of types and that are others as well.
TYPE_SYNTAX: Final = _names("array enum list null range union")
SERIAL_TYPES: Final = _names("SERIAL BIGSERIAL SMALLSERIAL")

# Functions that change nothing and that each server brings with it, by name: another name may be
# anybody's, and do anything. `nextval` takes a number that nobody else has.
FUNCTIONS: Final = {
    "postgres": _names(
        "abs age array_agg array_append array_cat array_length array_position array_prepend",
        "array_remove array_replace array_to_json array_to_string avg bit_length bool_and bool_or",
        "btrim ceil ceiling char_length character_length chr coalesce concat concat_ws count",
        "cume_dist current_date current_time current_timestamp date_part date_trunc decode",
        "dense_rank encode every exp extract first_value floor format gen_random_uuid",
        "generate_series greatest initcap json_agg json_array_elements json_array_elements_text",
        "json_array_length json_build_array json_build_object json_each json_each_text",
        "json_object json_object_agg json_typeof jsonb_agg jsonb_array_elements",
        "jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object",
        "jsonb_each jsonb_each_text jsonb_insert jsonb_object_agg jsonb_set jsonb_strip_nulls",
        "jsonb_typeof lag last_value lead least left length ln localtime localtimestamp log lower",
        "lpad ltrim make_date make_interval max md5 min mod nextval now ntile nullif octet_length",
        "overlay percent_rank pi position pow power quote_literal random rank regexp_match",
        "regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table repeat replace",
        "reverse right round row_number row_to_json rpad rtrim sha256 sign split_part sqrt",
        "string_agg string_to_array strpos substr substring sum to_char to_date to_json to_jsonb",
        "to_number to_timestamp translate trim trunc unnest upper",
    ),
    "mysql": _names(
        "abs avg bit_length ceil ceiling char_length character_length coalesce concat concat_ws",
        "convert count cume_dist curdate current_date current_time current_timestamp curtime date",
        "date_add date_format date_sub datediff day dense_rank exp extract first_value floor",
        "format from_unixtime greatest group_concat hex hour if ifnull instr json_array",
        "json_extract json_insert json_object json_quote json_remove json_replace json_set",
        "json_unquote json_valid lag last_value lcase lead least left length ln localtime",
        "localtimestamp locate log lower lpad ltrim max md5 mid min minute mod month now ntile",
        "nullif octet_length percent_rank pi position pow power rand rank regexp_replace repeat",
        "replace reverse right round row_number rpad rtrim second sha1 sha2 sign sqrt str_to_date",
        "substr substring substring_index sum time timestampdiff trim truncate ucase unhex",
        "unix_timestamp upper utc_timestamp uuid year",
    ),
    "sqlite": _names(
        "abs avg coalesce count cume_dist current_date current_time current_timestamp date",
        "datetime dense_rank first_value group_concat hex ifnull iif instr json_array",
        "json_array_length json_extract json_insert json_object json_quote json_remove",
        "json_replace json_set json_valid julianday lag last_value lead length lower ltrim max",
        "min ntile nullif percent_rank printf random rank replace round row_number rtrim sign",
        "strftime substr substring sum time total trim typeof unicode upper zeroblob",
    ),
}
# More of PostgreSQL's that take one argument.
MORE_FUNCTIONS: Final = _names(
    "abbrev any_value ascii bit_and bit_count bit_or bit_xor broadcast cardinality casefold cbrt",
    "currval family host hostmask isempty isfinite json_object_keys jsonb_object_keys jsonb_pretty",
    "justify_days justify_hours justify_interval log10 masklen mode multirange netmask normalize",
    "parse_ident phraseto_tsquery plainto_tsquery quote_ident quote_nullable radians range_agg",
    "scale setseed sha224 sha384 sha512 stddev strip to_ascii to_bin to_hex to_oct to_regclass",
    "to_regproc to_regtype to_tsquery to_tsvector trim_scale tsvector_to_array unistr variance",
    "websearch_to_tsquery xml_is_well_formed xmlcomment",
)
# Words in front of a parenthesis that are no function: of the language, and types with a length.
# None of them is a name that sqlglot would read as a call of its own and a server as a user's.
SYNTAX: Final = _names(
    "ALL AND ANY ARRAY AS BETWEEN BY CASE CAST CHARACTER CONFLICT DISTINCT DO ELSE END EXCEPT",
    "EXISTS FROM GROUP HAVING IN INCLUDE INTERSECT INTERVAL INTO IS JOIN KEY LATERAL LIMIT MATCHED",
    "MATERIALIZED NOT OFFSET ON OR OVER RETURNING ROW SELECT SET SOME THEN UNION UPDATE USING",
    "VALUE VALUES WHEN WHERE WITH WITHIN",
    "BIGINT BINARY BIT CHAR DEC DECIMAL DOUBLE FLOAT INT INTEGER NUMERIC REAL SIGNED TIME",
    "TIMESTAMP TIMESTAMPTZ UNSIGNED VARBINARY VARCHAR VARYING",
)
# Words that name a relation, so that what follows with a parenthesis has its columns.
DEFINERS: Final = _names("INTO TABLE REFERENCES WITH RECURSIVE AS")

# The same in the definition of a table: keys and indexes have names, and all have columns.
TABLE_SYNTAX: Final = _names("CHECK DEFAULT EXCLUDE FULLTEXT IDENTITY INDEX SPATIAL TO UNIQUE")
TABLE_DEFINERS: Final = _names(
    "BY EXISTS FULLTEXT INDEX KEY REFERENCES SPATIAL TABLE UNIQUE USING WITH"
)

# Tables of the server itself: who writes there changes the schema with INSERT and UPDATE.
SYSTEM_SCHEMAS: Final = _names(
    "pg_catalog pg_temp pg_toast information_schema mysql sys performance_schema temp",
    # Jobs, which are run, and partitions, which are dropped.
    "cron pgagent partman",
)
SYSTEM_PREFIXES: Final = ("pg_", "sqlite_", "pragma_")

# The arguments of a node that may be set. All others are parts of the language that are not
# understood here.
ARGUMENTS: Final = {
    "Create": _names("this kind exists concurrently properties expression unique"),
    "Alter": _names("this kind exists actions options only"),
    "ColumnDef": _names("this kind constraints exists position"),
    "Insert": _names("this expression conflict returning with_ ignore default alternative"),
    "Update": _names("this expressions from_ where returning with_ order limit"),
    "Merge": _names("this using on whens with_ returning"),
    "Delete": _names("this using where returning limit order"),
    "Table": _names("this db catalog alias joins only"),
    "Index": _names("this table params unique"),
    "Comment": _names("this kind expression exists"),
}
