"""What a notification says, in one language, as plain text and as HTML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from gateway.clients.mail import Mail
from gateway.domain.registry.parties import Names
from gateway.domain.transit.notification import Template
from gateway.i18n import Translator

_FIRST_STRONG, _POP = "\u2068", "\u2069"
"""Unicode isolates: a name in plain text does not change the direction of what stands around it."""

_PAGE = Markup(
    '<!DOCTYPE html>\n<html lang="{language}" dir="{direction}">\n<head><meta charset="utf-8">'
    "<title>{title}</title></head>\n<body>\n{paragraphs}\n</body>\n</html>\n"
)
_LONGEST_SUBJECT = 200


@dataclass(frozen=True)
class Words:
    """What is said: the subject, and paragraphs in both forms."""

    subject: str
    plain: tuple[str, ...]
    marked: tuple[Markup, ...]


@dataclass(frozen=True)
class Wording:
    """Words for people.

    Attributes:
        hub: the gateway's name in each language.
        address: where the gateway is reached.
        sender: the e-mail address that mail comes from.
        speakers: a translator for each language of the country.
    """

    hub: Names
    address: str
    sender: str
    speakers: Mapping[str, Translator]

    def mail(
        self, template: Template, key: str, recipient: str, language: str, office: str, names: Names
    ) -> Mail:
        """The message for one person; a language that the country does not speak becomes its first.

        Args:
            office: the identifier of the order office, by which its readers find it in their own view, or of
                the party.
            names: its name in each language.
        """
        translator = self.speakers.get(language) or next(iter(self.speakers.values()))
        values = {
            "office": translator.name(names) or office,
            "reference": office,
            "hub": translator.name(self.hub),
            "address": self.address,
        }
        words = _WORDS[template](translator, values)
        paragraphs = Markup("\n").join(Markup("<p>{}</p>").format(one) for one in words.marked)
        page = _PAGE.format(
            language=translator.language,
            direction=translator.direction,
            title=words.subject,
            paragraphs=paragraphs,
        )
        text = "\n\n".join(words.plain) + "\n"
        subject = words.subject[:_LONGEST_SUBJECT]
        return Mail(key, self.sender, recipient, subject, text, str(page), translator.language)


def _mail_waits(translator: Translator, values: Mapping[str, str]) -> Words:
    t, th = translator.text, translator.html
    isolated = {name: f"{_FIRST_STRONG}{value}{_POP}" for name, value in values.items()}
    # an address that is clicked on must end where it ends
    isolated["address"] = values["address"]
    return Words(
        subject=t("Mail is waiting in your order office"),
        plain=(
            t("Mail is waiting in the order office {office} ({reference}).", **isolated),
            t("Whoever may read it finds it on {hub}:", **isolated) + "\n" + isolated["address"],
            t("For the senders' sake this message tells neither who wrote nor what about."),
            t("A machine wrote it; nobody reads answers to it."),
        ),
        marked=(
            th("Mail is waiting in the order office {office} ({reference}).", **values),
            th("Whoever may read it finds it on {hub}:", **values)
            + Markup('<br><a href="{0}" dir="ltr">{0}</a>').format(values["address"]),
            th("For the senders' sake this message tells neither who wrote nor what about."),
            th("A machine wrote it; nobody reads answers to it."),
        ),
    )


def _held(translator: Translator, values: Mapping[str, str]) -> Words:
    t, th = translator.text, translator.html
    isolated = {name: f"{_FIRST_STRONG}{value}{_POP}" for name, value in values.items()}
    return _of_held(
        translator,
        values,
        t("Letters are held for a decision"),
        t(
            "Letters to the order office {office} ({reference}) are held for a decision.",
            **isolated,
        ),
        th(
            "Letters to the order office {office} ({reference}) are held for a decision.",
            **values,
        ),
    )


def _held_ends(translator: Translator, values: Mapping[str, str]) -> Words:
    t, th = translator.text, translator.html
    isolated = {name: f"{_FIRST_STRONG}{value}{_POP}" for name, value in values.items()}
    return _of_held(
        translator,
        values,
        t("Held letters are about to be given up"),
        t("The deadline of held letters to the order office {office} ({reference}) is near.", **isolated),
        th("The deadline of held letters to the order office {office} ({reference}) is near.", **values),
    )


def _of_held(
    translator: Translator, values: Mapping[str, str], subject: str, plain: str, marked: Markup
) -> Words:
    """What both messages about held letters say besides."""
    t, th = translator.text, translator.html
    command = f"wasl delivery list --state HELD --office {values['reference']}"
    return Words(
        subject=subject,
        plain=(
            plain,
            t("This command lists them and their deadlines:") + "\n" + command,
            t("What nobody decides is given up at its deadline, and its sender gets that receipt."),
            t("A machine wrote it; nobody reads answers to it."),
        ),
        marked=(
            marked,
            th("This command lists them and their deadlines:")
            + Markup('<br><code dir="ltr">{}</code>').format(command),
            th("What nobody decides is given up at its deadline, and its sender gets that receipt."),
            th("A machine wrote it; nobody reads answers to it."),
        ),
    )


def _webhook_stopped(translator: Translator, values: Mapping[str, str]) -> Words:
    t, th = translator.text, translator.html
    isolated = {name: f"{_FIRST_STRONG}{value}{_POP}" for name, value in values.items()}
    command = f"wasl party webhooks {values['reference']}"
    return Words(
        subject=t("A webhook was switched off"),
        plain=(
            t(
                "A webhook of {office} ({reference}) was switched off: its address failed for too long.",
                **isolated,
            ),
            t("Its party is told nothing there until one of you switches it on. This command says why:")
            + "\n"
            + command,
            t("No event is lost: they follow once the address works, and the feed has them all."),
            t("A machine wrote it; nobody reads answers to it."),
        ),
        marked=(
            th(
                "A webhook of {office} ({reference}) was switched off: its address failed for too long.",
                **values,
            ),
            th("Its party is told nothing there until one of you switches it on. This command says why:")
            + Markup('<br><code dir="ltr">{}</code>').format(command),
            th("No event is lost: they follow once the address works, and the feed has them all."),
            th("A machine wrote it; nobody reads answers to it."),
        ),
    )


_WORDS: Mapping[Template, Callable[[Translator, Mapping[str, str]], Words]] = {
    Template.MAIL_WAITS: _mail_waits,
    Template.HELD: _held,
    Template.HELD_ENDS: _held_ends,
    Template.WEBHOOK_STOPPED: _webhook_stopped,
}
