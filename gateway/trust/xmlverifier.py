"""The library's verifiers of XML signatures, with its copies and second readings of one document left out.

They override internals of the pinned release. What is checked stays the same; what the gate has made
sure of (no document type, one signature, at most one canonical form per reference) is relied upon only
to do it with less work.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from typing import Any

from cryptography import x509
from lxml import etree
from signxml import util
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm
from signxml.exceptions import InvalidDigest, InvalidInput
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier
from signxml.xades.xades import XAdESVerifier

from gateway.trust.xmlnames import ENVELOPED, SIGNED_PROPERTIES_TYPE, child, ds, xades
from gateway.trust.xmlproperties import check_certificates

_IDENTIFIED = etree.XPath("//*[@Id = $id]")
_LISTED = f"{xades('SignedSignatureProperties')}/{xades('SigningCertificateV2')}"


class GatedVerifier(XMLVerifier):
    """Copies a document only where something is taken out of it."""

    def _fromstring(self, xml_string: bytes, **options: Any) -> etree._Element:
        # The gate took no document type, and without one there is neither entity nor external part.
        root: etree._Element = etree.fromstring(xml_string, self._parser)
        return root

    def _c14n(self, nodes: Any, algorithm: Any, inclusive_ns_prefixes: Any = None) -> bytes:
        # Of an inner element under a default namespace lxml writes a wrong form (``xmlns=""`` on what
        # stands deeper); that is how .NET and the JDK write SignedInfo. So it gets a document of its own.
        if nodes.getparent() is not None:
            nodes = self._fromstring(etree.tostring(nodes, with_tail=False))
        return etree.tostring(
            nodes,
            method="c14n",
            exclusive=algorithm is CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
            with_comments=False,  # the gate takes no method with comments, and no comment
            inclusive_ns_prefixes=inclusive_ns_prefixes,
        )

    def _check_cert_validity(self, cert: x509.Certificate, cert_source: str) -> None:
        """Nothing: validity is judged with the chain, at the time that counts."""

    def _resolve_reference(self, doc_root: Any, reference: Any, uri_resolver: Any = None) -> Any:
        uri = reference.get("URI") or ""
        if not uri and reference.get("URI") is not None:
            return doc_root
        found: Any = _IDENTIFIED(doc_root, id=uri[1:]) if uri.startswith("#") else []
        if len(found) != 1:
            raise InvalidInput(f"{uri} names {len(found)} elements")
        return found[0]

    def _verify_reference(
        self,
        reference: etree._Element,
        index: int,
        root: etree._Element,
        uri_resolver: Any,
        c14n_algorithm: Any,
        signature: etree._Element,
        signature_key_used: Any,
    ) -> VerifyResult:
        form = self.form_of(reference, root)
        method = DigestAlgorithm(child(reference, ds("DigestMethod")).get("Algorithm"))
        library: Any = self
        library.check_digest_alg_expected(method)
        stated = child(reference, ds("DigestValue")).text or ""
        if b64decode(stated) != library._get_digest(form, method):
            raise InvalidDigest(f"reference {index}")
        wanted = index == 0 or reference.get("Type") == SIGNED_PROPERTIES_TYPE
        # Nobody asks for the key, nor what the key information says once its digest is good.
        return VerifyResult(form, self._fromstring(form) if wanted else None, signature, b"")

    def form_of(self, reference: etree._Element, root: etree._Element) -> bytes:
        """The octets that a reference's digest is of.

        Raises:
            InvalidInput: it points at nothing.
        """
        steps = reference.findall(f"{ds('Transforms')}/{ds('Transform')}")
        enveloped = any(step.get("Algorithm") == ENVELOPED for step in steps)
        document = self._without_signature(root) if enveloped else root
        return self._form(self._resolve_reference(document, reference), steps)

    def signed_form(self, signature: etree._Element) -> bytes:
        """The octets that the signature value is over."""
        info = child(signature, ds("SignedInfo"))
        return self._form(info, [child(info, ds("CanonicalizationMethod"))])

    def read(self, raw: bytes, parser: etree.XMLParser, config: SignatureConfiguration) -> etree._Element:
        """Make ready for looking at a document without verifying it; its root."""
        library: Any = self
        library.config, library._parser = config, parser
        return self._fromstring(raw)

    def _without_signature(self, root: etree._Element) -> etree._Element:
        copied = self._fromstring(etree.tostring(root))
        remove_sig: Any = util._remove_sig
        remove_sig(child(copied, ds("Signature")))
        return copied

    def _form(self, payload: etree._Element, steps: Sequence[etree._Element]) -> bytes:
        """The canonical form that the steps ask for, or the one that no step means."""
        library: Any = self
        for step in steps:
            if step.get("Algorithm") != ENVELOPED:
                method = CanonicalizationMethod(step.get("Algorithm"))
                return self._c14n(payload, method, library._get_inclusive_ns_prefixes(step))
        return self._c14n(payload, self.config.default_reference_c14n_method)


class PlainVerifier(GatedVerifier):
    """Verifies one plain XML signature."""


class XadesVerifier(GatedVerifier, XAdESVerifier):
    """Verifies one XAdES signature, made with the first of the certificates that it carries."""

    def __init__(self, certificates: Sequence[x509.Certificate]) -> None:
        self._certificates = list(certificates)

    def _verify_cert_digests(self, verify_result: VerifyResult) -> None:
        # The gate took SigningCertificateV2 alone, and has read the certificates.
        properties = verify_result.signed_xml
        if properties is None:
            raise InvalidInput("no signed properties")
        check_certificates(child(properties, _LISTED), self._certificates)
