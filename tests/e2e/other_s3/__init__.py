"""Ceph's radosgw, an S3 that neither AWS nor this project wrote, and the function beside it."""
