"""From a source to `raw`: as received, append-only, once."""
