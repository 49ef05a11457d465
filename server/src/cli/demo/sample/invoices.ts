// Asks the shop for invoices.

export async function fetchInvoice(number: number): Promise<string> {
  const path = `/api/invoices/${number}`;
}
