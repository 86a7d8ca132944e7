"""openapi.yaml and docs/reference.md, held to the built function: schemas, bounds, codes and examples."""
