namespace Metering.Gateway.Payments.Stripe;

/// <summary>Disputes (docs.stripe.com/api/disputes).</summary>
internal sealed class StripeDisputes(StripeClient client)
{
    private const string Path = "/v1/disputes";
    private const string PageSize = "100"; // More than a charge can have.

    /// <summary>Cents of a payment intent's charges that disputes hold. A warning holds nothing yet, and a dispute that was won nothing any more.</summary>
    public async ValueTask<long> SumHeldAsync(string intentId, CancellationToken cancellationToken)
    {
        var query = new Dictionary<string, string> { ["payment_intent"] = intentId, ["limit"] = PageSize };
        var page = await client.GetAsync(Path, query, cancellationToken).ConfigureAwait(false);
        return (page.Member("data") ?? throw new StripeException("Stripe's answer has no data.", isTransient: true)).EnumerateArray()
            .Where(dispute => dispute.Text("status") is "needs_response" or "under_review" or "lost")
            .Sum(dispute => dispute.RequiredNumber("amount"));
    }
}
