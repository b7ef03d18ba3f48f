path "a" { capabilities }
