"""S3s that this project did not write, Ceph's radosgw and the local AWS, and what each of them holds of a signature."""
