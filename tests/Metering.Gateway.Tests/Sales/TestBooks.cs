using System.Diagnostics.Metrics;
using Metering.Engine;
using Metering.Gateway.Payments;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Gateway.Tests.Sales;

/// <summary>What buying remembers, without a gateway.</summary>
internal static class TestBooks
{
    public static PaymentBooks InMemory()
    {
        var meters = new ServiceCollection().AddMetrics().BuildServiceProvider().GetRequiredService<IMeterFactory>();
        return new(new MemoryPaymentStore(), new(), new(new(meters), NullLogger<UnreadableDocuments>.Instance));
    }
}
