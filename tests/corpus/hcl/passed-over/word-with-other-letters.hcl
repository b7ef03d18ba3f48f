path é {}
