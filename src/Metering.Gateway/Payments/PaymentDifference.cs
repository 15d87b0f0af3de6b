namespace Metering.Gateway.Payments;

/// <summary>Something that provider and ledger tell differently, or that waits for an operator.</summary>
/// <param name="Kind">For programs, snake_case (<c>charge_not_granted</c>).</param>
/// <param name="Account">The account; null where it is of none, or nobody knows of which.</param>
/// <param name="Subject">The provider's or the gateway's id of what it is about.</param>
/// <param name="Message">For people.</param>
internal sealed record PaymentDifference(string Kind, string? Account, string Subject, string Message);
