enum ZP {}
