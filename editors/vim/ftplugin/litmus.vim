" Litmus tests of tbit: two columns a level, comments with #, `tbit fmt` behind gq.
if exists("b:did_ftplugin")
  finish
endif
let b:did_ftplugin = 1
setlocal expandtab shiftwidth=2 softtabstop=2 commentstring=#\ %s comments=:#,:// formatprg=tbit\ fmt\ -
let b:undo_ftplugin = "setlocal expandtab< shiftwidth< softtabstop< commentstring< comments< formatprg<"
