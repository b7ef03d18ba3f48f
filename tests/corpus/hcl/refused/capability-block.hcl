path "a" { capabilities { read = 1 } }
