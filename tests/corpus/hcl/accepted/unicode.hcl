path "é/日本/😀" { comment = "ä" }
