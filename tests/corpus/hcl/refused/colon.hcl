path "a" { capabilities : ["read"] }
