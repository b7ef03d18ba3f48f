path "a" { capabilities {} }
