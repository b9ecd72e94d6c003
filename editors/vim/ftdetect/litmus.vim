autocmd BufRead,BufNewFile *.litmus setfiletype litmus
