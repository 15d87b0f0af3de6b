using System.Diagnostics.Metrics;
using System.Text;
using Metering.Engine;
using Metering.Gateway.Payments;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Gateway.Tests.Sales;

/// <summary>Nothing that was received is lost in silence, and nothing is kept for ever that need not be.</summary>
public sealed class EventCareTests
{
    [Fact]
    public async Task An_event_that_is_given_up_is_counted_listed_and_tried_again_when_somebody_asks()
    {
        await using var host = await SalesHost.StartAsync(ScriptedProvider.Add);
        var (caller, url) = await host.SubscribeAsync();
        await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 100}""");
        var givenUp = 0L;
        using var listener = new MeterListener();
        var meters = host.Gateway.Services.GetRequiredService<IMeterFactory>();
        listener.InstrumentPublished = (instrument, listening) =>
        {
            if (instrument.Name == "metering.payments.events.given_up" && instrument.Meter.Scope == meters)
            {
                listening.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, measured, _, _) => Interlocked.Add(ref givenUp, measured));
        listener.Start();

        var charge = Assert.Single(await host.DocumentsAsync("sandbox-charge")).GetProperty("id").GetString()!;
        ScriptedProvider.Of(host).IsDown = true;
        await SecondCharge.ReceiveAsync(host, "charge.dispute.created", charge);
        for (var hour = 0; hour < EventInbox.MostAttempts && Interlocked.Read(ref givenUp) == 0; hour++)
        {
            host.Clock.Advance(TimeSpan.FromHours(1));
            await host.WorkAsync();
        }

        Assert.Equal(1, Interlocked.Read(ref givenUp));
        var admin = await host.Gateway.AddKeyAsync(new("operator"), ApiKeyScopes.Admin);
        var problems = (await admin.GetAsync("/admin/v1/payments/problems")).Json;
        var problem = Assert.Single(problems.GetProperty("problems").EnumerateArray());
        Assert.Equal("event_given_up", problem.GetProperty("kind").GetString());
        Assert.Contains("charge.dispute.created", problem.GetProperty("message").GetString(), StringComparison.Ordinal);

        ScriptedProvider.Of(host).IsDown = false;
        var id = problem.GetProperty("subject").GetString();
        Assert.Equal(404, (await admin.PostAsync("/admin/v1/payments/events/evt_unknown/retry")).Status);
        await host.PressAsync(url, "refund"); // Now there is something to follow.
        Assert.Equal(200, (await admin.PostAsync($"/admin/v1/payments/events/{id}/retry")).Status);
        await host.WorkAsync();
        Assert.Empty((await admin.GetAsync("/admin/v1/payments/problems")).Json.GetProperty("problems").EnumerateArray());
        Assert.Equal(404, (await admin.PostAsync($"/admin/v1/payments/events/{id}/retry")).Status);
    }

    [Fact]
    public async Task A_document_that_cannot_be_read_holds_up_nothing_and_is_told()
    {
        await using var host = await SalesHost.StartAsync(ScriptedProvider.Add);
        var (caller, _) = await host.SubscribeAsync();
        ScriptedProvider.Of(host).LosesAnswers = true;
        Assert.Equal(503, (await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 100}""")).Status);
        ScriptedProvider.Of(host).LosesAnswers = false;
        var due = host.Clock.GetUtcNow();
        Assert.True(await host.Store.SaveAsync([new(new() { Kind = "credit-purchase", Id = "crp_damaged", Json = """{"id": 7}""", DueAt = due })]));
        Assert.True(await host.Store.SaveAsync([new(new() { Kind = "event", Id = "evt_damaged", Json = "no JSON", DueAt = due })]));
        Assert.True(await host.Store.SaveAsync([new(new() { Kind = "billing", Id = "a_damaged", Json = "[]" })]));
        host.Clock.Advance(CreditPurchase.SettlingTime);
        await host.WorkAsync();
        Assert.Equal("1100", (await caller.GetAsync("/v1/credits")).Remaining);
        Assert.Empty(await host.Store.ListDueAsync("credit-purchase", host.Clock.GetUtcNow(), 10));

        var found = await host.Gateway.Services.GetRequiredService<Reconciliation>().CompareAsync(CancellationToken.None).ToListAsync();
        Assert.Equal(["a_damaged", "crp_damaged", "evt_damaged"], found.Where(problem => problem.Kind == "document_unreadable").Select(problem => problem.Subject).Order());
        Assert.Equal(3, found.Count);
    }

    [Fact]
    public async Task What_is_over_is_forgotten_after_the_retention_and_a_later_duplicate_changes_nothing()
    {
        await using var host = await SalesHost.StartAsync(null, ("RetentionDays", "30"));
        var (url, _) = await host.PurchaseAsync("gone@example.com");
        await host.PressAsync(url, "abandon");
        var (caller, checkout) = await host.SubscribeAsync();
        await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 100}""");
        await host.PressAsync(checkout, "refund");
        var subscription = Assert.Single(await host.DocumentsAsync("sandbox-subscription")).GetProperty("id").GetString()!;
        var page = checkout[(checkout.LastIndexOf('/') + 1)..];
        var charge = Assert.Single(await host.DocumentsAsync("sandbox-charge")).GetProperty("id").GetString()!;
        Assert.NotEmpty(await host.DocumentsAsync("event"));
        Assert.Equal(2, (await host.DocumentsAsync("plan-purchase")).Count);

        // Not paid any more, so that what is there stays as it is.
        host.Clock.Advance(TimeSpan.FromDays(32));
        await host.WorkAsync();
        Assert.Empty(await host.DocumentsAsync("event"));
        Assert.Empty(await host.DocumentsAsync("plan-purchase"));
        var before = await SumAsync(host, caller);
        var end = GatewayHost.Start.AddMonths(1).ToUnixTimeSeconds();
        foreach (var (type, subject) in new[]
        {
            ("checkout.session.completed", $$"""{"id": "{{page}}"}"""),
            ("invoice.paid", $$$"""{"id": "in_late", "subscription": "{{{subscription}}}", "lines": {"data": [{"period": {"start": 1, "end": {{{end}}} } }] } }"""),
            ("payment_intent.succeeded", $$"""{"id": "{{charge}}"}"""),
            ("charge.refunded", $$"""{"id": "ch_1", "payment_intent": "{{charge}}"}"""),
            ("customer.subscription.updated", $$"""{"id": "{{subscription}}"}"""),
        })
        {
            var body = Encoding.UTF8.GetBytes($$$"""{"id": "evt_{{{type}}}", "type": "{{{type}}}", "data": {"object": {{{subject}}} } }""");
            await host.Gateway.Services.GetRequiredService<EventInbox>().ReceiveAsync(PaymentEvent.Read(body)!, body, CancellationToken.None);
        }

        Assert.All(await host.DocumentsAsync("event"), received => Assert.Equal(string.Empty, received.GetProperty("body").GetString()));
        Assert.Equal(before, await SumAsync(host, caller));
        Assert.Single(await host.Gateway.Directory.ListKeysAsync(caller.Account));
    }

    private static async Task<(Credits Available, Credits Owed, long Rows)> SumAsync(SalesHost host, TestCaller caller)
    {
        var balance = (await host.Gateway.Meter.GetBalanceAsync(caller.Account)).Value;
        return (balance.Available, balance.Owed, (await host.Gateway.Meter.ListTransactionsAsync(caller.Account, new())).Value.Total);
    }
}
