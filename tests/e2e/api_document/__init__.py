"""openapi.yaml and docs/api.md, held to the built function: schemas, bounds, codes and examples."""
