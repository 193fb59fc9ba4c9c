/// Looks and behaviour of the report. No font, script or picture from anywhere else.
enum ReportStyle {
  static let css = """
    :root{color-scheme:light dark;--paper:#fbfaf8;--card:#fff;--ink:#1c1f26;--soft:#666c78;\
    --rule:#e4e2dd;--line:#2f6db3;--hot:#c5402a;--band:#f0b42955;--label:#9a6700;--track:#eceae5}
    @media(prefers-color-scheme:dark){:root{--paper:#14161a;--card:#1c1f25;--ink:#e8e6e1;\
    --soft:#9aa0ab;--rule:#2e323a;--line:#6ea8e6;--hot:#ff7a62;--band:#e0a52a3d;--label:#e3b341;\
    --track:#2a2e36}}
    *{box-sizing:border-box}
    html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
    body{margin:0;background:var(--paper);color:var(--ink);\
    font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;\
    font-variant-numeric:tabular-nums}
    main{max-width:68rem;margin:0 auto;padding:2rem 1.25rem 3rem}
    h1{font-size:1.7rem;line-height:1.2;margin:0 0 .35rem;overflow-wrap:anywhere}
    h2{font-size:1.15rem;margin:0 0 .15rem}
    p{margin:0}
    .soft,.caption,.axis,.where,small{color:var(--soft)}
    .caption{font-size:.9rem;margin-bottom:.9rem}
    .facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.1rem,1fr));gap:.75rem;\
    margin:1.5rem 0;padding:0}
    .facts div{background:var(--card);border:1px solid var(--rule);border-radius:.6rem;padding:.7rem .9rem}
    .facts dt{font-size:.85rem;color:var(--soft)}
    .facts dd{margin:0;font-size:1.45rem;font-weight:600;line-height:1.3}
    .facts small{display:block;font-size:.85rem;font-weight:400}
    .facts .hot dd{color:var(--hot)}
    section{background:var(--card);border:1px solid var(--rule);border-radius:.6rem;\
    padding:1.1rem 1.1rem 1rem;margin:0 0 1rem}
    .pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:1rem;\
    align-items:stretch;margin:0 0 1rem}
    .pair section{margin:0;min-width:0;display:flex;flex-direction:column}
    .pair .plot{flex:1;display:flex;flex-direction:column}
    .field{position:relative;height:17rem;margin:.6rem .4rem 1.5rem 3.4rem}
    .pair .field{flex:1;height:auto;min-height:14rem}
    .field svg{position:absolute;inset:0;width:100%;height:100%;overflow:visible}
    .field path{vector-effect:non-scaling-stroke;fill:none}
    .field .grid{stroke:var(--rule);stroke-width:1}
    .field .line{stroke:var(--line);stroke-width:1.25;stroke-linejoin:round}
    .field .spread{fill:var(--line);opacity:.28}
    .field .threshold{stroke:var(--hot);stroke-width:1.25;stroke-dasharray:5 4}
    .field .band{fill:var(--band);stroke:var(--band);stroke-width:1}
    .field .bar{fill:var(--line)}
    .field .bar.above{fill:var(--hot)}
    .field .bar.labelled{fill:var(--label)}
    .field span,.tip{position:absolute;font-size:.78rem;line-height:1;color:var(--soft);white-space:nowrap}
    .field .y{right:calc(100% + .5rem);transform:translateY(-50%)}
    .field .x{top:calc(100% + .45rem);transform:translateX(-50%)}
    .field .x.end{transform:translateX(-100%)}
    .field .x.start{transform:none}
    .field .threshold-name{right:0;transform:translateY(-120%);color:var(--hot);padding:.12rem .3rem;\
    border-radius:.2rem;background:color-mix(in srgb,var(--card) 86%,transparent)}
    .field .threshold-name.upright{right:auto;top:0;transform:translateX(.2rem)}
    .field .threshold-name.upright.left{transform:translateX(calc(-100% - .2rem))}
    .axis{font-size:.82rem;text-align:right;padding-right:.4rem}
    .dot{position:absolute;width:.56rem;height:.56rem;margin:-.28rem;border-radius:50%;\
    background:var(--hot);border:1.5px solid var(--card)}
    .dot:hover,.dot:focus-visible{transform:scale(1.5)}
    .tip{background:var(--ink);color:var(--paper);padding:.35rem .5rem;border-radius:.3rem;\
    transform:translate(-50%,-150%);pointer-events:none;z-index:2}
    table{border-collapse:collapse;width:100%}
    th,td{text-align:left;font-weight:400;padding:.22rem .8rem .22rem 0;vertical-align:baseline}
    th{overflow-wrap:anywhere}
    .share{width:38%;padding-right:0;white-space:nowrap}
    .share span:last-child{display:inline-block;width:3.2rem;text-align:right}
    .meter{display:inline-block;vertical-align:middle;width:calc(100% - 3.4rem);height:.5rem;\
    border-radius:.25rem;background:var(--track);overflow:hidden}
    .meter i{display:block;height:100%;background:var(--line)}
    .ranking th{width:45%}.ranking .share{width:55%}
    .rows{list-style:none;margin:.6rem 0 0;padding:0}
    .rows li{border-top:1px solid var(--rule);padding:.8rem 0;display:grid;\
    grid-template-columns:16rem minmax(0,1fr);gap:.2rem 1.5rem;scroll-margin-top:1rem}
    .rows li:target{background:linear-gradient(90deg,var(--band),transparent)}
    .rows header{display:flex;flex-wrap:wrap;gap:.1rem .6rem;align-items:baseline;align-content:start}
    .rows h3{font-size:1rem;margin:0}
    .score{font-weight:600}.score.above{color:var(--hot)}
    .tag{font-size:.78rem;border:1px solid var(--rule);border-radius:1rem;padding:0 .5rem;color:var(--soft)}
    .tag.yes{border-color:var(--label);color:var(--label)}
    .where{flex-basis:100%;font-size:.85rem;overflow-wrap:anywhere}
    .where b{font-weight:500;color:var(--ink)}
    .rows table{table-layout:fixed}.rows th{width:30%}.rows .share{width:34%}
    td small{white-space:nowrap}
    footer{color:var(--soft);font-size:.85rem;margin-top:1.5rem}
    @media(max-width:44rem){main{padding:1.25rem .8rem 2rem}h1{font-size:1.35rem}
    section{padding:.9rem .8rem}.field{height:13rem;margin-left:2.9rem}
    .field .minor{display:none}.rows li{grid-template-columns:minmax(0,1fr)}
    .rows tr{display:grid;grid-template-columns:minmax(0,1fr) auto;padding:.2rem 0}
    .rows table,.rows tbody{display:block}.rows th,.rows td{padding:0;width:auto}.rows td:nth-child(2){text-align:right}
    .rows .share{grid-column:1/-1;width:100%}
    .facts{grid-template-columns:repeat(auto-fit,minmax(7.5rem,1fr));gap:.5rem}.facts dd{font-size:1.2rem}}
    @media print{body{background:#fff}.rows li{break-inside:avoid}}
    """

  /// The score under the pointer. Reads the drawn line: the numbers are not in the page twice.
  static let script = """
    (()=>{const plot=document.getElementById("scores");if(!plot)return;
    const field=plot.querySelector(".field"),tip=plot.querySelector(".tip");
    const y=plot.querySelector(".line").getAttribute("d").slice(1).split("L").map(p=>+p.split(" ")[1].replace(/h.*/,""));
    const {rows,low,high}=plot.dataset,n=y.length,g=new Intl.NumberFormat("en");
    field.addEventListener("pointermove",e=>{const box=field.getBoundingClientRect();
    const i=Math.min(n-1,Math.max(0,Math.floor((e.clientX-box.left)/box.width*n)));
    const a=Math.floor(i*rows/n)+1,b=Math.floor((i+1)*rows/n);
    const s=+high-(high-low)*y[i]/1000;
    tip.textContent=(b>a?"rows "+g.format(a)+" to "+g.format(b)+": at most ":"row "+g.format(a)+": ")+s.toFixed(3);
    const x=(i+.5)/n;tip.style.left=100*Math.min(.85,Math.max(.15,x))+"%";tip.style.top=y[i]/10+"%";tip.hidden=false});
    field.addEventListener("pointerleave",()=>{tip.hidden=true})})();
    """
}
