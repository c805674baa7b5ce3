"""The ministry's own page, in French: its register, and what became of the letters it sent."""

from __future__ import annotations

from html import escape
from typing import Any

from registre import ETAPES, NATURES

STYLE = """
:root { --ink:#1d2430; --paper:#fff; --soft:#eef1f6; --line:#c3cbd8; --accent:#234a86; }
@media (prefers-color-scheme: dark) {
  :root { --ink:#e6eaf2; --paper:#141922; --soft:#1f2733; --line:#3b4656; --accent:#9dbdf2; } }
* { box-sizing:border-box } body { margin:0; font:1rem/1.5 system-ui,sans-serif; color:var(--ink);
  background:var(--paper) }
.bande { background:#7a3d00; color:#fff; padding:.25rem 1rem; font-weight:600 }
header { border-bottom:4px solid var(--accent); padding:1rem } main { padding:1rem; max-width:80rem }
h1 { font-size:1.4rem; margin:0 }
h2 { font-size:1.15rem; margin:2rem 0 .5rem } p { max-width:70ch } .large { overflow-x:auto }
table { border-collapse:collapse; width:100% } th,td { border:1px solid var(--line); padding:.4rem .6rem;
  text-align:start; vertical-align:top } th { background:var(--soft); position:sticky; top:0 }
td.numero { white-space:nowrap; font-weight:600; font-variant-numeric:tabular-nums } a { color:var(--accent) }
ul { margin:0; padding-inline-start:1.1rem } small { display:block; min-width:9rem; overflow-wrap:anywhere }
.vide { padding:2rem; background:var(--soft); text-align:center }
"""


def register_page(entries: list[dict[str, Any]], told: list[dict[str, Any]]) -> bytes:
    """The register, and below it the acknowledgments, as a page; the newest entry first."""
    content = _table(entries) if entries else '<p class="vide">Aucun courrier enregistré pour le moment.</p>'
    return f"""<!doctype html>
<html lang="fr"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Registre du courrier arrivée</title><style>{STYLE}</style></head><body>
<div class="bande">DÉMONSTRATION — ministère fictif</div>
<header><h1>Courrier Arrivée</h1><div>Registre central du bureau d'ordre</div></header>
<main><p>Ce système est celui du ministère. Il reçoit le courrier par son propre service SOAP
(<a href="/courrier?wsdl">WSDL</a>) et attribue lui-même les numéros d'ordre.</p>
<p><strong>{len(entries)}</strong> {"courrier enregistré" if len(entries) == 1 else "courriers enregistrés"}
· <a href="/registre.json">registre en JSON</a></p>
{content}
<h2 id="depart">Courrier départ : accusés de réception</h2>
<p>Ce que la plateforme fait savoir d'elle-même du courrier que le ministère a envoyé. Chaque accusé est
scellé : son fichier se vérifie sans la plateforme.</p>
<p><strong>{len(told)}</strong> {"accusé reçu" if len(told) == 1 else "accusés reçus"}
· <a href="/accuses.json">accusés en JSON</a></p>
{_acknowledgments(told)}</main></body></html>""".encode()


def _acknowledgments(told: list[dict[str, Any]]) -> str:
    if not told:
        return '<p class="vide">Aucun accusé pour le moment.</p>'
    heads = ("Courrier", "Étape", "Le", "Destinataire", "Son n° d'ordre", "Accusé")
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    return (
        '<div class="large" tabindex="0" role="region" aria-label="Accusés de réception"><table><thead>'
        f"<tr>{head}</tr></thead><tbody>{''.join(map(_acknowledgment, told))}</tbody></table></div>"
    )


def _acknowledgment(one: dict[str, Any]) -> str:
    reasons = "".join(f"<small>{escape(line)}</small>" for line in (one["motifs"] or "").splitlines())
    day = _day(one["date_enregistrement"] or "")
    cells = (
        f"<td><strong>{escape(one['reference'] or '—')}</strong>"
        f"<small><bdi>{escape(one['objet'] or '')}</bdi></small></td>",
        f"<td>{escape(ETAPES[one['etape']])}{reasons}</td>",
        f"<td>{_day(one['horodatage'][:10])} à {escape(one['horodatage'][11:16])} UTC</td>",
        f"<td><bdi>{escape(one['destinataire'] or '—')}</bdi></td>",
        f'<td class="numero">{escape(one["numero"] or "—")}'
        + (f"<small>du {escape(day)}</small></td>" if day else "</td>"),
        f'<td><a href="/accuses/{one["rang"]}"><bdi>{escape(one["nom"])}</bdi></a>'
        f" ({one['taille']} octets)</td>",
    )
    return f"<tr>{''.join(cells)}</tr>"


def _table(entries: list[dict[str, Any]]) -> str:
    heads = ("N° d'ordre", "Enregistré le", "Expéditeur", "Objet", "Nature", "Service", "Pièces")
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    return (
        f'<div class="large" tabindex="0" role="region" aria-label="Registre"><table><thead><tr>{head}</tr>'
        f"</thead><tbody>{''.join(map(_row, entries))}</tbody></table></div>"
    )


def _row(entry: dict[str, Any]) -> str:
    day, hour = entry["enregistre"][:10], entry["enregistre"][11:16]
    urgent = "<strong>Urgent</strong> — " if entry["urgent"] else ""
    cells = (
        f'<td class="numero">{escape(entry["numero"])}</td>',
        f"<td>{_day(day)} à {hour}"
        f"<small>document du {escape(_day(entry['date_document']) or '—')}</small></td>",
        f"<td><bdi>{escape(entry['expediteur'])}</bdi><small>{escape(entry['reference'])}</small></td>",
        f"<td>{urgent}<bdi>{escape(entry['objet'])}</bdi>"
        f"<small>identifiant externe {escape(entry['identifiant'])}</small></td>",
        f"<td>{escape(NATURES[entry['nature']])}</td>",
        f"<td><bdi>{escape(entry['service'])}</bdi></td>",
        f"<td><ul>{''.join(map(_piece, entry['pieces']))}</ul></td>",
    )
    return f"<tr>{''.join(cells)}</tr>"


def _day(iso: str) -> str:
    return "/".join(reversed(iso.split("-")))


def _piece(piece: dict[str, Any]) -> str:
    return (
        f'<li><a href="/pieces/{piece["id"]}"><bdi>{escape(piece["nom"])}</bdi></a> '
        f"({piece['taille']} octets)</li>"
    )
