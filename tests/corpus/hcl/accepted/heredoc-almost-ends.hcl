path "a" { comment = <<EOF
EOFx
xEOF
 EOF
 }
