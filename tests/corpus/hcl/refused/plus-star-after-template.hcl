path "{{a}}+*" {}
