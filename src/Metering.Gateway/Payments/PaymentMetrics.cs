using System.Diagnostics.Metrics;

namespace Metering.Gateway.Payments;

/// <summary>What operators should be woken for.</summary>
internal sealed class PaymentMetrics
{
    /// <summary>The name of the meter, the engine's own.</summary>
    public const string MeterName = "Metering";

    private readonly Counter<long> givenUp;
    private readonly Counter<long> unreadable;

    public PaymentMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        givenUp = meter.CreateCounter<long>("metering.payments.events.given_up", "{event}", "Events of the payment provider that were tried for the last time.");
        unreadable = meter.CreateCounter<long>("metering.payments.documents.unreadable", "{document}", "Looks at payment documents that could not be read.");
    }

    public void EventGivenUp(string type) => givenUp.Add(1, new KeyValuePair<string, object?>("type", type));

    public void UnreadableDocument(string kind) => unreadable.Add(1, new KeyValuePair<string, object?>("kind", kind));
}
