path "a" { capabilities "read" {} }
