// Asks the shop for orders.

export interface Order {
  number: number;
  customer: string;
  total: string;
}

export async function fetchOrder(number: number): Promise<Order> {
  const response = await fetch(`/api/orders/${number}`, { headers: { accept: "application/json" } });
  if (!response.ok) {
    throw new Error(`${response.status} ${response.statusText}`);
  }
  return response.json();
}
