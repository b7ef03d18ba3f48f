path "a" { capabilities = [["read"]] }
