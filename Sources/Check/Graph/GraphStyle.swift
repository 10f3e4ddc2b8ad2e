// The colours and type of the picture and its page, for light and dark screens. The hues are those of Okabe and Ito, which
// colour-blind people tell apart; what matters has a sign or a pattern beside its colour.

/// Style sheets.
enum GraphStyle {
    /// The style of the picture.
    static let picture = """
        svg,.legend{--ground:#fff;--box:#fff;--rim:#c3cad3;--ink:#1b2430;--soft:#566270;--domain:#2f8fc4;--step:#7b8794;--alias:#c98500;
        --route:#0067a8;--delivers:#00805f;--refuses:#c14f00;--waits:#a8568a;--fails:#b3261e;--idle:#9aa4b0;--warn:#f0c419;
        --edge:.42}
        svg{font-family:system-ui,-apple-system,"Segoe UI","Noto Sans","DejaVu Sans",sans-serif}
        @media (prefers-color-scheme:dark){svg,.legend{--ground:#11161c;--box:#1a222b;--rim:#3b4754;--ink:#e8edf2;--soft:#a3b0bd;
        --domain:#62bbea;--step:#94a1ae;--alias:#f0ae2e;--route:#6db3ee;--delivers:#2fc49a;--refuses:#ff8f4d;--waits:#e08fc0;
        --fails:#ff7a70;--idle:#7d8996;--warn:#f0c419;--edge:.5}}
        .ground{fill:var(--ground)}
        .heading{font-size:11px;font-weight:600;letter-spacing:.04em;fill:var(--soft)}
        .edge{fill:none;opacity:var(--edge);stroke-linecap:round}
        .edge.possible{stroke-dasharray:3 4}
        .edge.next{stroke:var(--step);stroke-dasharray:1 4;stroke-width:1.6;opacity:1}
        .head{fill:var(--step)}
        .node rect{fill:var(--box);stroke:var(--rim);stroke-width:1}
        .node.faulty>rect{stroke:var(--fails);stroke-width:2}
        .node.tone-idle>rect{stroke-dasharray:4 3}
        .bar{stroke-width:4;stroke-linecap:round;fill:none}
        .title{font:600 12px ui-monospace,"Cascadia Mono","DejaVu Sans Mono",Menlo,monospace;fill:var(--ink)}
        .steps .title{font-family:inherit}
        .line{font-size:10.5px;fill:var(--soft)}
        .count{font-size:9.5px;fill:var(--soft);stroke:var(--ground);stroke-width:3px;paint-order:stroke;stroke-linejoin:round}
        .badge rect{fill:var(--fails);stroke:var(--ground)}.badge.warning rect{fill:var(--warn)}
        .badge text{font-size:10px;font-weight:700;fill:var(--ground)}.badge.warning text{fill:#1b2430}

        """ + hues

    /// What the page has besides.
    static let page = """
        :root{color-scheme:light dark;--page:#f4f6f8;--card:#fff;--text:#1b2430;--faint:#566270;--line:#d5dbe1;--link:#0067a8;
        --ok:#00805f;--bad:#b3261e;--wait:#8f3f73}
        @media (prefers-color-scheme:dark){:root{--page:#0c1015;--card:#11161c;--text:#e8edf2;--faint:#a3b0bd;--line:#2b3540;
        --link:#6db3ee;--ok:#2fc49a;--bad:#ff7a70;--wait:#e08fc0}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--page);color:var(--text);font:1rem/1.5 system-ui,-apple-system,"Segoe UI","Noto Sans",
        "DejaVu Sans",sans-serif}
        header,main{max-width:90rem;margin:auto;padding:1rem 1.5rem}
        h1{font-size:1.4rem;margin:.2rem 0}h2{font-size:1rem;margin:0 0 .5rem}
        .sum,.legend{color:var(--faint);margin:.2rem 0 1rem}.sum strong{color:var(--bad)}
        form{display:flex;gap:.3rem .8rem;flex-wrap:wrap;align-items:center}label{font-weight:600}
        .field{display:flex;flex:1 1 20rem;max-width:40rem;gap:.5rem}
        input{flex:1;min-width:0;font:1rem ui-monospace,"DejaVu Sans Mono",monospace;padding:.5rem .7rem;border:1px solid var(--line);
        border-radius:.4rem;background:var(--card);color:inherit}
        button{font:inherit;font-weight:600;padding:.5rem 1rem;border:0;border-radius:.4rem;background:var(--link);color:var(--card);
        cursor:pointer}
        :focus-visible{outline:3px solid var(--link);outline-offset:2px}
        #examples{font-size:.85rem;color:var(--faint);margin:.6rem 0 0}#examples a{color:var(--link);margin-right:.7rem}
        #answer{margin:.8rem 0 0;overflow-wrap:anywhere}
        #answer.routed{color:var(--ok)}#answer.failed{color:var(--bad)}#answer.deferred{color:var(--wait)}
        .code{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:.92em}#answer .code{font-weight:600}
        #view,section{background:var(--card);border:1px solid var(--line);border-radius:.6rem}
        #view{overflow:auto}#view svg{display:block;margin:auto;min-width:58rem;max-width:100%;height:auto}
        .legend{font-size:.85rem;margin:.6rem 0}.key{margin-right:.9rem;white-space:nowrap}
        .key i{display:inline-block;height:.9em;border-left:4px solid;border-radius:2px;margin-right:.35em;vertical-align:-.1em}
        .key.possible i{height:0;width:2.2em;border:0;border-top:2px dashed var(--faint);border-radius:0;vertical-align:.3em}.hint{display:block}
        .below{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(26rem,100%),1fr));gap:1rem;align-items:start}
        section{padding:1rem;overflow-wrap:anywhere}ol,ul{margin:0;padding-left:1.2rem}#steps{list-style:none;padding:0;font-size:.9rem;columns:27rem}
        #steps li{padding-left:1.5rem}#steps .address{padding:0;font-weight:600;margin-top:.4rem}#steps .step{padding-left:.7rem}
        #steps li{break-inside:avoid}#steps .file{color:var(--faint);font-size:.92em}#steps .absent{color:var(--faint)}#steps .found,#steps .route{color:var(--ok)}#steps .failed{color:var(--bad)}
        .error,.finding{color:var(--bad)}[hidden]{display:none}
        .node{cursor:pointer}.node:focus{outline:none}.node:focus-visible>rect{stroke:var(--link);stroke-width:3}
        .asked-for .node,.pointed-at .node{opacity:.32}.asked-for .edge,.pointed-at .edge{opacity:.1}
        .asked-for .count,.pointed-at .count{opacity:.25}
        .asked-for .node.passed,.asked-for .node.asked{opacity:.75}
        .asked-for .node.asked:not(.lit)>rect{stroke-dasharray:2 3;stroke:var(--soft)}
        .asked-for .node.lit,.pointed-at .node.hot{opacity:1}
        .asked-for .node.lit>rect{stroke:var(--ink);stroke-width:2}
        .asked-for .edge.lit,.pointed-at .edge.hot{opacity:.95}
        .edge.lit{stroke-dasharray:none}.asked-for .edge.lit:not(.next){stroke-width:3.5}
        @media print{form,#examples,.hint{display:none}}

        """

    /// Each tone's colour, for lines and for the bars of boxes.
    private static var hues: String {
        let tones = ["domain", "step", "alias", "route", "delivers", "refuses", "waits", "fails", "idle"]
        return tones.map {
            ".edge.tone-\($0),.tone-\($0) .bar,.key.tone-\($0) i{stroke:var(--\($0));border-color:var(--\($0))}\n"
        }.joined()
    }
}
