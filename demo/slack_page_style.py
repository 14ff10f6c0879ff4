"""How the practice Slack's pages look."""

STYLE = """
:root { --ink: #1d1c1d; --soft: #616061; --line: #dddddd; --ground: #f8f8f8; --link: #1264a3; --side: #3f0e40; }
* { box-sizing: border-box; }
html, body { height: 100%; }
body { margin: 0; display: flex; color: var(--ink); background: #fff; }
body { font: 15px/1.46 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
a { color: var(--link); text-decoration: none; }
nav { width: 13rem; flex: none; background: var(--side); color: #cfc3cf; padding: .8rem 0; }
nav h2 { font-size: 1.05rem; color: #fff; margin: 0 1rem .8rem; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav a { display: block; color: inherit; padding: .15rem 1rem; overflow: hidden; }
nav a { white-space: nowrap; text-overflow: ellipsis; }
nav .here a { background: #1164a3; color: #fff; }
main { flex: 1; min-width: 0; position: relative; }
aside { width: 27rem; flex: none; border-left: 1px solid var(--line); }
header { font-weight: 700; font-size: 1.05rem; padding: .7rem 1.2rem; border-bottom: 1px solid var(--line); }
header .soft { font-weight: 400; }
.messages { padding: .8rem 1.2rem; }
article { display: flex; gap: .6rem; margin: 0 0 1rem; }
.face { width: 36px; height: 36px; border-radius: 6px; color: #fff; font-weight: 700; flex: none; }
.face { display: flex; align-items: center; justify-content: center; }
.grow { flex: 1; min-width: 0; overflow-wrap: anywhere; }
.soft { color: var(--soft); } .small, article > .grow > .soft { color: var(--soft); font-size: .82rem; }
.app { background: #e8e8e8; color: var(--soft); font-size: .62rem; font-weight: 700; }
.app { padding: .1rem .25rem; border-radius: 3px; vertical-align: middle; }
.block { margin: .35rem 0; max-width: 40rem; } .block h3 { font-size: 1.12rem; margin: .3rem 0; }
.row { display: flex; gap: 1rem; align-items: flex-start; }
.fields { display: grid; grid-template-columns: 1fr 1fr; gap: .4rem 1rem; margin-top: .3rem; }
hr { border: 0; border-top: 1px solid var(--line); margin: .7rem 0; }
.buttons { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; }
.button { display: inline-block; border: 1px solid #bbb; border-radius: 4px; padding: .25rem .75rem; }
.button { font-weight: 700; font-size: .85rem; background: #fff; white-space: nowrap; }
.button.primary { background: #007a5a; border-color: #007a5a; color: #fff; }
.button.danger { background: #e01e5a; border-color: #e01e5a; color: #fff; }
details.overflow { position: relative; display: inline-block; } summary { list-style: none; cursor: pointer; }
details.overflow ul { position: absolute; right: 0; z-index: 2; margin: .2rem 0; padding: .4rem 0; background: #fff; }
details.overflow ul { border: 1px solid var(--line); border-radius: 6px; box-shadow: 0 4px 12px #0002; }
details.overflow li { list-style: none; padding: .2rem 1.2rem; white-space: nowrap; }
pre, code { font: .82rem/1.45 ui-monospace, Menlo, Consolas, monospace; background: #f8f8f8; }
pre { border: 1px solid var(--line); border-radius: 4px; padding: .5rem; margin: .3rem 0; white-space: pre-wrap; }
code { border: 1px solid var(--line); border-radius: 3px; padding: 0 .2rem; color: #e01e5a; }
blockquote { border-left: 4px solid var(--line); margin: .2rem 0; padding-left: .7rem; }
.mention { background: #e8f5fa; color: var(--link); border-radius: 3px; padding: 0 .15rem; }
.heading { font-size: 1.1rem; } ul, ol { margin: .2rem 0; padding-left: 1.5rem; }
.image, .file { border: 1px solid var(--line); border-radius: 6px; padding: .5rem .8rem; max-width: 24rem; }
.image { background: var(--ground); color: var(--soft); } .file { margin: .35rem 0; }
.reaction { display: inline-block; background: #efefef; border-radius: 12px; padding: 0 .5rem; margin: .2rem .3rem 0 0; }
.thread { display: block; font-size: .85rem; font-weight: 700; margin-top: .2rem; }
.count { color: var(--soft); font-size: .85rem; border-bottom: 1px solid var(--line); margin: 0 0 .8rem; }
.status { color: var(--soft); font-style: italic; font-size: .85rem; }
label { display: block; font-weight: 700; margin: .7rem 0 .25rem; } label .soft { font-weight: 400; }
.field { border: 1px solid #999; border-radius: 4px; padding: .4rem .7rem; min-height: 2.3rem; position: relative; }
.field.tall { min-height: 5.5rem; } .field.menu { max-width: 22rem; padding-right: 2rem; }
.buttons .field.menu { min-height: 0; padding: .2rem 2rem .2rem .7rem; font-size: .85rem; }
.arrow { position: absolute; right: .7rem; top: 50%; transform: translateY(-50%); }
.tick { margin: .25rem 0; } .tick .small { margin-left: 1.3rem; }
.error { color: #c01343; font-size: .85rem; margin-top: .25rem; } .pad { padding: .6rem 1.2rem; }
.alert { border: 1px solid var(--line); border-left: 4px solid #1264a3; border-radius: 4px; padding: .5rem .8rem; }
.alert.warning { border-left-color: #ecb22e; } .alert.error { border-left-color: #e01e5a; color: inherit; }
.alert.success { border-left-color: #2eb67d; }
.dim { background: #0007; display: flex; align-items: flex-start; justify-content: center; padding: 2rem; }
.modal { background: #fff; width: 32.5rem; border-radius: 8px; box-shadow: 0 18px 48px #0006; }
.modal .content { padding: .6rem 1.4rem 1.2rem; } .modal header { font-size: 1.25rem; padding: 1rem 1.4rem; }
.cross { float: right; color: var(--soft); }
.modal footer { border-top: 1px solid var(--line); padding: .9rem 1.4rem; text-align: right; }
.modal footer .button { margin-left: .5rem; padding: .4rem 1rem; }
.tabs { display: flex; gap: 1.2rem; padding: .5rem 1.2rem; border-bottom: 1px solid var(--line); color: var(--soft); }
.tabs b { color: var(--ink); } .home { padding: 1rem 1.6rem; } .home .block { max-width: 46rem; }
table { border-collapse: collapse; } td { border: 1px solid var(--line); padding: .25rem .6rem; }
"""
