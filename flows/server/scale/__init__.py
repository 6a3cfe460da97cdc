"""What `ballast up --scale` starts beside the server and the worker: PostgreSQL, a server of S3, a Dask cluster."""
