// The service's messages for people who use the web page. They know no form fields, HTTP headers and settings.

const OPERATOR = "Ask the person who runs this service.";
const RELOAD = "Reload this web page, and try again.";
const LATER = "Wait a moment, and try again.";
const LOWER_DPI = "Upload the document again with a lower resolution: see Options.";
const READ_AGAIN = "Read the page again. If it fails again, check the PDF with another program.";

/** A message and a hint by code; an empty message keeps the service's own. @type {Record<string, [string, string]>} */
const TEXTS = {
  "request.invalid": ["The service did not understand this web page.", RELOAD],
  "request.option": ["", "Correct the options, and upload the document again."],
  "language.unavailable": ["", "Choose from the list of languages, or ask the person who runs this service to add the language."],
  "request.not_found": ["The service does not know this address.", RELOAD],
  "request.method": ["The service did not understand this web page.", RELOAD],
  "request.stalled": ["The upload stopped before it was complete.", "Check the connection, and upload the file again."],
  "request.key_reused": ["This file was already uploaded with other options.", "Upload it again."],
  "request.range": ["The download could not be continued.", "Start the download again."],
  "upload.missing": ["No file was uploaded.", "Choose a PDF or an image."],
  "upload.too_large": ["This file is larger than the service accepts.", "Split the PDF, or ask the person who runs this service to raise the limit."],
  "access.key_missing": ["This service needs an API key.", "Ask the person who runs the service for one."],
  "access.host": ["This service cannot be used at this address.", "Use the address that you were given, or ask the person who runs this service."],
  "access.origin": ["The service does not accept this web page.", OPERATOR],
  "queue.full": ["Too many documents wait already.", LATER],
  "storage.low_space": ["The service has too little free disk space for uploads.", LATER],
  "limit.pending_jobs": ["Too many of your documents wait already.", LATER],
  "limit.pending_pages": ["Your documents that wait have too many pages.", LATER],
  "limit.requests": ["You have asked too much of the service within a minute.", LATER],
  "limit.uploads": ["You are uploading too many files at the same time.", LATER],
  "limit.event_streams": ["Too many of your windows follow documents.", "Close other windows of this service."],
  "limit.page_images": ["Too many of your page images wait already.", LATER],
  "broker.unavailable": ["A part of the service does not answer.", LATER],
  "storage.unavailable": ["The service cannot read or store documents at the moment.", `${LATER} If that does not help: ${OPERATOR.toLowerCase()}`],
  "engine.unavailable": ["Text recognition does not work on this service.", OPERATOR],
  "service.failure": ["An error occurred in the service.", `${LATER} If it happens again: ${OPERATOR.toLowerCase()}`],
  "job.unknown": ["There is no such document.", "Check the address: the link may be incomplete, or belong to another user."],
  "job.expired": ["The document was deleted, by you or because its time has passed.", "Upload it again."],
  "job.not_ready": ["The document has not been read to its end yet.", LATER],
  "job.running": ["The document is still being read.", "Wait until it has ended, or cancel it first."],
  "job.cancelled": ["", "You can read the remaining pages later."],
  "job.worker_lost": ["", "Check the PDF with another program."],
  "storage.not_shared": ["The parts of this service do not see the same files.", OPERATOR],
  "job.all_pages_failed": ["", "Look at the message of each page."],
  "pdf.encrypted": ["The PDF is protected with a password.", "Enter its password."],
  "pdf.wrong_password": ["This password does not open the PDF.", "Enter the right password."],
  "pdf.unreadable": ["", "Open it with another program and save it again, or create it again."],
  "pdf.too_many_pages": ["The PDF has more pages than this service reads at once.", "Select some pages, such as 1-1000: see Options."],
  "pdf.page_range": ["None of the selected pages exists in the PDF.", "Select other pages."],
  "pdf.timeout": ["Opening the PDF took too long.", "Save it again with another program, or split it."],
  "pdf.out_of_memory": ["Opening the PDF needed too much memory.", "Save it again with another program, or split it."],
  "image.too_large": ["The image has too many pixels.", "Scale the image down."],
  "image.unsupported": ["This service cannot read HEIC images.", "Convert the image to JPEG."],
  "page.unknown": ["This page is not part of the document, or has not been read yet.", "Check the page number."],
  "page.image_late": ["", "It is drawn as soon as possible."],
  "page.unreadable": ["The page is damaged and cannot be drawn.", "Open the PDF with another program and save it again."],
  "page.engine_failed": ["Text recognition failed on this page.", "Read the page again."],
  "page.timeout": ["Reading the page took too long.", LOWER_DPI],
  "page.out_of_memory": ["Reading the page needed too much memory.", LOWER_DPI],
  "page.too_much_text": ["", "Leave this page out: select the other pages in Options."],
  "page.unwritable": ["", "Choose another format for the download, such as JSON."],
  "page.worker_lost": ["", READ_AGAIN],
  "format.failed": ["", "Choose another format for the download."],
  "text.low_confidence": ["", "Check the text. A better scan (300 dpi), or a higher resolution in Options, may help."],
  "table.uncertain": ["", "Check the rows of the table."],
  "ocr_layer.rejected": ["", "To use that text, upload the PDF again with the option “Text in the PDF only”."],
  "script.unsupported": ["", "Ask the person who runs this service to add the script."],
  "language.unsupported": ["", "Ask the person who runs this service to add the language."],
  "page.dpi_lowered": ["", ""],
};
const SETTING = / ?\(SLIMGEST_\w+\)/g;
// What only developers and operators know: settings, code, headers, form fields, commands.
const TECHNICAL = /SLIMGEST_|`|\bHTTP\b|\bheaders?\b|\bform field|\bfield\b|\brequest\b|callback|webhook|multipart|\bcurl\b|Operator:/i;
const FIELDS = /** @type {Record<string, string>} */ ({ dpi: "Resolution", pages: "Pages", languages: "Languages", mode: "Source of the text", password: "Password" });

/**
 * Return a message and a hint for a user of the web page. An empty hint: there is nothing to do.
 * @param {{code?: string, message?: string|null, hint?: string|null}} problem as the service sends it
 * @returns {{message: string, hint: string}}
 */
export function explain({ code = "", message, hint }) {
  const [text, advice] = TEXTS[code] ?? ["", null];
  const plain = (message ?? "").replace(SETTING, "").replace(/^(dpi|pages|languages|mode|password): /, (_, name) => `${FIELDS[name]}: `);
  return {
    message: text || (TECHNICAL.test(plain) ? "Something went wrong." : plain),
    hint: advice ?? (TECHNICAL.test(hint ?? "") ? OPERATOR : (hint ?? "")),
  };
}

/** @param {{code?: string, message?: string|null, hint?: string|null}} problem @returns {string} the message and the hint */
export function sentences(problem) {
  const { message, hint } = explain(problem);
  return [message, hint].filter(Boolean).join(" ");
}
