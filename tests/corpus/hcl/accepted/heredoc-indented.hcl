path "a" { comment = <<-EOF
    a
  b
  EOF
 }
