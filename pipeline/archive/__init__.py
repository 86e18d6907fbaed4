"""The archive: closed segments and final gaps as Parquet files, on a disk or in an object store."""
