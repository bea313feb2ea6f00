"""Consultations 会商: departments settle whose an item is; the conclusion becomes a new version of the catalog."""
