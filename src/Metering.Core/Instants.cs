namespace Metering.Core;

/// <summary>Instants as the ledger holds them.</summary>
internal static class Instants
{
    /// <summary>
    /// The instant in UTC and whole milliseconds, rounded down. What a caller names goes through here before it is decided on: a state
    /// that kept finer ticks or another offset would differ from the same state read back from its entries.
    /// </summary>
    public static DateTimeOffset ToLedger(this DateTimeOffset instant) => DateTimeOffset.FromUnixTimeMilliseconds(instant.ToUnixTimeMilliseconds());
}
