/** Control characters but for the tab; a terminal would act on them. */
// oxlint-disable-next-line no-control-regex
const control = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g;
// oxlint-disable-next-line no-control-regex
const escapes = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-_])/g;

/** Text of a server or a VM as one line that can't steer the terminal: escape sequences and control characters are taken out. */
export function printable(text: string): string {
  return text.replace(escapes, '').replace(control, ' ');
}
