using System.Net.Http.Headers;
using System.Text;
using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>Bad bodies: each is refused with the field and what is allowed, and changes nothing (contract, rules of the pool, 9).</summary>
public sealed class BadInputTests : IAsyncLifetime
{
    private GatewayHost host = null!;
    private TestCaller caller = null!;

    public async Task InitializeAsync()
    {
        host = await GatewayHost.StartAsync();
        caller = await host.OpenAsync();
    }

    public async Task DisposeAsync() => await host.DisposeAsync();

    [Theory]
    [InlineData("""{"amuont": 1}""", "amuont", "allowed: amount, product, quantity, description, reference")]
    [InlineData("""{"Amount": 1}""", "Amount", "allowed: amount")]
    [InlineData("""{"amount": 1, "idempotencyKey": "x"}""", "idempotencyKey", "not a field")]
    [InlineData("""{"amount": 1, "amount": 2}""", "amount", "twice")]
    [InlineData("""{"amount": 1, "\u0061mount": 2}""", "amount", "twice")]
    [InlineData("""{"amount": NaN}""", "amount", "plain decimal")]
    [InlineData("""{"amount": Infinity}""", "amount", "plain decimal")]
    [InlineData("""{"amount": 1e400}""", "amount", "plain decimal")]
    [InlineData("""{"amount": 1e2}""", "amount", "plain decimal")]
    [InlineData("""{"amount": 1.00001}""", "amount", "4 decimals")]
    [InlineData("""{"amount": 99999999999999999999}""", "amount", "plain decimal")]
    [InlineData("""{"amount": "1"}""", "amount", "plain decimal")]
    [InlineData("""{"amount": true}""", "amount", "plain decimal")]
    [InlineData("""{"amount": {}}""", "amount", "plain decimal")]
    [InlineData("""{"amount": 0}""", "amount", "more than 0")]
    [InlineData("""{"amount": -1}""", "amount", "more than 0")]
    [InlineData("""{"amount": 1000000000001}""", "amount", "at most 1000000000000")]
    [InlineData("""{}""", "amount", "missing")]
    [InlineData("""{"amount": null}""", "amount", "missing")]
    [InlineData("""{"product": "nothing.such"}""", "product", "lead.search")]
    [InlineData("""{"product": 7}""", "product", "a text")]
    [InlineData("""{"amount": 1, "product": "UPPER"}""", "product", "a-z 0-9")]
    [InlineData("""{"product": "mobile", "quantity": 1.5}""", "quantity", "whole number")]
    [InlineData("""{"product": "mobile", "quantity": "1"}""", "quantity", "whole number")]
    [InlineData("""{"product": "mobile", "quantity": -1}""", "quantity", "0 to 1000000000")]
    [InlineData("""{"product": "mobile", "quantity": 99999999999999999999}""", "quantity", "whole number")]
    [InlineData("""{"amount": 1, "description": "a\u0000b"}""", "description", "control character")]
    [InlineData("""{"amount": 1, "description": "\ud800"}""", "description", "surrogate")]
    [InlineData("""[]""", null, "JSON object")]
    [InlineData("""7""", null, "JSON object")]
    [InlineData("null", null, "JSON object")]
    [InlineData("""{"amount": 1} {"amount": 2}""", null, "not valid JSON")]
    [InlineData("""{"amount": 1""", "amount", "not valid JSON")]
    [InlineData("""{"amount": 01}""", "amount", "not valid JSON")]
    [InlineData("""{"amount": 1,}""", "amount", "not valid JSON")]
    [InlineData("", null, "empty")]
    [InlineData("   ", null, "not valid JSON")]
    public Task A_bad_deduction_is_400_and_names_the_field(string body, string? field, string says) =>
        IsRefusedAsync("/v1/credits/deduct", body, field, says);

    [Theory]
    [InlineData("""{}""", "items", "1 to 1000")]
    [InlineData("""{"items": []}""", "items", "1 to 1000")]
    [InlineData("""{"items": {}}""", "items", "a list")]
    [InlineData("""{"items": [{"amount": 1}, {"amuont": 1}]}""", "items[1].amuont", "allowed: amount")]
    [InlineData("""{"items": [{"amount": 1}, {"amount": 1, "amount": 1}]}""", "items[1].amount", "twice")]
    [InlineData("""{"items": [{"amount": 1}, {"amount": "1"}]}""", "items[1].amount", "plain decimal")]
    [InlineData("""{"items": [5]}""", "items[0]", "an object")]
    public Task A_bad_batch_is_400_and_names_the_item(string body, string field, string says) =>
        IsRefusedAsync("/v1/credits/deduct/batch", body, field, says);

    [Theory]
    [InlineData("""{}""", "records", "1 to 10000")]
    [InlineData("""{"records": [null]}""", "records[0]", "missing")]
    [InlineData("""{"records": [{"type": "company"}]}""", "records[0].id", "missing")]
    [InlineData("""{"records": [{"id": "a"}]}""", "records[0].type", "company")]
    [InlineData("""{"records": [{"type": "mobile", "id": "a"}]}""", "records[0].type", "company")]
    [InlineData("""{"records": [{"type": "company", "id": 5}]}""", "records[0].id", "a text")]
    [InlineData("""{"records": [{"type": "company", "id": "a", "product": "mobile"}]}""", "records[0].product", "company.news")]
    [InlineData("""{"records": [{"type": "company", "id": "a"}], "maxcredits": 0}""", "maxcredits", "maxCredits")]
    [InlineData("""{"records": [{"type": "company", "id": "a"}], "maxCredits": -1}""", "maxCredits", "0 or more")]
    [InlineData("""{"records": [{"type": "company", "id": "a"}], "mode": "some"}""", "mode", "all_or_nothing or up_to")]
    [InlineData("""{"records": [{"type": "company", "id": "a", "extra": {"deep": 1}}]}""", "records[0].extra", "allowed: type, id, product")]
    public Task A_bad_access_is_400_and_names_the_record(string body, string field, string says) =>
        IsRefusedAsync("/v1/records/access", body, field, says);

    [Fact]
    public Task Nesting_beyond_all_need_is_400() =>
        IsRefusedAsync("/v1/credits/deduct", """{"description": """ + new string('[', 100_000), null, "at most 16 levels", anyField: true);

    [Fact]
    public async Task An_unknown_field_with_an_endless_name_is_not_echoed_whole()
    {
        var answer = await caller.PostAsync("/v1/credits/deduct", $$"""{"{{new string('x', 100_000)}}": 1}""");
        Assert.Equal(400, answer.Status);
        Assert.InRange(answer.Body.Length, 1, 1_000);
    }

    [Fact]
    public async Task Bytes_that_are_not_utf8_are_400()
    {
        using var content = new ByteArrayContent([.. "{\"amount\": 1, \"description\": \""u8, 0xFF, .. "\"}"u8]);
        content.Headers.ContentType = new("application/json");
        var answer = await caller.SendAsync(HttpMethod.Post, "/v1/credits/deduct", content);
        Assert.Equal(400, answer.Status);
        Assert.Contains("UTF-8", answer.Json.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_body_above_1_MiB_is_413_whether_or_not_its_length_is_told(bool tellsLength)
    {
        var bytes = Encoding.ASCII.GetBytes($$"""{"amount": 1, "description": "{{new string('x', JsonBody.MaxBytes)}}"}""");
        using HttpContent content = tellsLength ? new ByteArrayContent(bytes) : new StreamContent(new UnknownLengthStream(bytes));
        content.Headers.ContentType = new("application/json");
        var answer = await caller.SendAsync(HttpMethod.Post, "/v1/credits/deduct", content);
        Assert.Equal(413, answer.Status);
        Assert.Equal("body_too_large", answer.Code);
        Assert.Equal("100", answer.Remaining);
    }

    [Fact]
    public async Task A_body_of_exactly_1_MiB_is_read()
    {
        var body = """{"amount": 1}""";
        var answer = await caller.PostAsync("/v1/credits/deduct", body + new string(' ', JsonBody.MaxBytes - body.Length));
        Assert.Equal(200, answer.Status);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("application/json; charset=utf-16")]
    [InlineData("application/jsonx")]
    public async Task Another_content_type_is_415(string? type)
    {
        using var content = new ByteArrayContent("""{"amount": 1}"""u8.ToArray());
        content.Headers.ContentType = type is null ? null : MediaTypeHeaderValue.Parse(type);
        var answer = await caller.SendAsync(HttpMethod.Post, "/v1/credits/deduct", content);
        Assert.Equal(415, answer.Status);
        Assert.Equal("Content-Type", answer.Field);
        Assert.Equal("100", answer.Remaining);
    }

    [Fact]
    public async Task A_stranger_is_401_whatever_is_in_the_body()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/credits/deduct") { Content = new StringContent("not JSON", Encoding.UTF8, "text/plain") };
        Assert.Equal(401, (await Answer.OfAsync(host.Client, request)).Status);
    }

    private async Task IsRefusedAsync(string path, string body, string? field, string says, bool anyField = false)
    {
        var answer = await caller.PostAsync(path, body);
        Assert.Equal(400, answer.Status);
        Assert.Equal("application/problem+json", answer.ContentType);
        Assert.Equal("invalid_request", answer.Code);
        Assert.Contains(says, answer.Json.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal("100", answer.Remaining);
        Assert.Null(answer.Cost);
        if (!anyField)
        {
            Assert.Equal(field, answer.Field);
        }
    }

    private sealed class UnknownLengthStream(byte[] bytes) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;
    }
}
