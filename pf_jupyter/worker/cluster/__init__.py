"""Batches on a Dask cluster: what runs beside the scheduler, and in its workers."""
