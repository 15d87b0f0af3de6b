using System.Globalization;

namespace Metering.Gateway.Payments;

/// <summary>
/// What the ledger's rows of buying refer to. A step of a reversal names its credits itself: a row shows only what was unspent, and the rest, a
/// debt, must be found again, too.
/// </summary>
internal static class LedgerReferences
{
    private const string TakenBack = "reversed";
    private const string GivenBack = "returned";

    /// <summary>The credits of a charge.</summary>
    public static string OfCharge(string provider, string chargeId) => $"{provider}:{chargeId}";

    /// <summary>A step of a charge's reversal.</summary>
    /// <param name="provider">The provider's name.</param>
    /// <param name="chargeId">The charge.</param>
    /// <param name="step">The step's number, from 1.</param>
    /// <param name="amount">Ten-thousandths taken back; below zero given back.</param>
    public static string OfStep(string provider, string chargeId, int step, long amount) => string.Create(
        CultureInfo.InvariantCulture, $"{provider}:{chargeId}:{(amount < 0 ? GivenBack : TakenBack)}:{step}:{Math.Abs(amount)}");

    /// <summary>Reads a step's reference; null where it is none of this provider.</summary>
    public static (string ChargeId, long Amount)? ReadStep(string provider, string reference)
    {
        var parts = reference.Split(':');
        return parts is [var name, var charge, TakenBack or GivenBack, _, var digits] && name == provider
            && long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var amount)
            ? (charge, parts[2] == GivenBack ? -amount : amount)
            : null;
    }

    /// <summary>Reads the charge of a grant; null where the reference is none of this provider.</summary>
    public static string? ReadCharge(string provider, string reference) =>
        reference.StartsWith(provider + ":", StringComparison.Ordinal) && reference.IndexOf(':', provider.Length + 1) < 0 ? reference[(provider.Length + 1)..] : null;
}
