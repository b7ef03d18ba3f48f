path "a" { capabilities = ["read" 
