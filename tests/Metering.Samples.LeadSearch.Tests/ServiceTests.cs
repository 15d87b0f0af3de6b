using System.Net;
using System.Text.Json;
using Metering.Engine;

namespace Metering.Samples.LeadSearch.Tests;

public sealed class ServiceTests
{
    private static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) ? Assert.Single(values) : null;

    [Fact]
    public async Task A_search_of_97_results_costs_12_and_says_so_in_the_ledger()
    {
        await using var host = await LeadSearchHost.StartAsync();
        var (response, body) = await host.GetAsync("/leads/search?category=restaurant&country=US&limit=97");

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("12", Header(response, "X-Credits-Cost"));
        Assert.Equal("113", Header(response, "X-Credits-Remaining"));
        Assert.Equal(97, body.GetProperty("results").GetArrayLength());
        Assert.Equal(97, body.GetProperty("count").GetInt32());
        Assert.Equal(303, body.GetProperty("total").GetInt32());
        Assert.Equal(12, body.GetProperty("charged").GetDecimal());

        var transaction = await host.ReadNewestTransactionAsync();
        Assert.Equal("Lead search: Restaurants in US (97 results)", transaction.GetProperty("description").GetString());
        Assert.Equal("DEDUCTION", transaction.GetProperty("type").GetString());
        Assert.Equal(-12, transaction.GetProperty("amount").GetDecimal());
        Assert.Equal(body.GetProperty("transactionId").GetString(), transaction.GetProperty("id").GetString());
    }

    [Theory]
    [InlineData(1, 3)]
    [InlineData(10, 3)]
    [InlineData(11, 4)]
    [InlineData(100, 12)]
    public async Task A_search_costs_2_and_1_for_each_started_10_results(int limit, decimal price)
    {
        await using var host = await LeadSearchHost.StartAsync();
        var (_, body) = await host.GetAsync($"/leads/search?limit={limit}");
        Assert.Equal(limit, body.GetProperty("count").GetInt32());
        Assert.Equal(price, body.GetProperty("charged").GetDecimal());
        Assert.Equal(125 - price, (await host.ReadLedgerAsync()).Balance);
    }

    [Fact]
    public async Task A_search_that_finds_nothing_is_free()
    {
        await using var host = await LeadSearchHost.StartAsync();
        var (response, body) = await host.GetAsync("/leads/search?q=no+company+is+called+this");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(0, body.GetProperty("count").GetInt32());
        Assert.Null(Header(response, "X-Credits-Cost"));
        Assert.Equal(125, (await host.ReadLedgerAsync()).Balance);
    }

    [Fact]
    public async Task Results_say_how_they_match_the_country()
    {
        await using var host = await LeadSearchHost.StartAsync();
        var (_, body) = await host.GetAsync("/leads/search?country=us&q=abby%27s");
        var abbys = body.GetProperty("results").EnumerateArray().Single(lead => lead.GetProperty("id").GetString() == "Q112648278");
        Assert.Equal("region", abbys.GetProperty("countryMatch").GetString());
        Assert.Equal("us-or", abbys.GetProperty("matchedArea").GetString());
        Assert.Equal("Restaurants", abbys.GetProperty("categoryName").GetString());
    }

    [Fact]
    public async Task A_repeated_search_with_its_key_is_not_charged_twice()
    {
        await using var host = await LeadSearchHost.StartAsync();
        var (_, first) = await host.GetAsync("/leads/search?category=restaurant&country=US&limit=97", "search-1");
        var (response, second) = await host.GetAsync("/leads/search?category=restaurant&country=US&limit=97", "search-1");
        Assert.Equal("true", Header(response, "Idempotent-Replayed"));
        Assert.Null(Header(response, "X-Credits-Cost"));
        Assert.Equal("113", Header(response, "X-Credits-Remaining"));
        Assert.Equal(first.ToString(), second.ToString());
        Assert.Equal((113, 3), await host.ReadLedgerAsync());
    }

    [Fact]
    public async Task A_key_that_comes_back_with_another_search_is_refused()
    {
        await using var host = await LeadSearchHost.StartAsync();
        await host.GetAsync("/leads/search?category=restaurant&country=US&limit=97", "search-1");
        var (response, body) = await host.GetAsync("/leads/search?category=restaurant&country=US&limit=97&q=a", "search-1");
        Assert.Equal(HttpStatusCode.UnprocessableEntity, response.StatusCode);
        Assert.Equal("idempotency_key_reused", body.GetProperty("code").GetString());
        Assert.Equal((113, 3), await host.ReadLedgerAsync());
    }

    [Fact]
    public async Task A_company_is_charged_once_however_its_id_is_spelt()
    {
        await using var host = await LeadSearchHost.StartAsync();
        var (first, company) = await host.GetAsync("/companies/Q17032457");
        Assert.Equal("1", Header(first, "X-Credits-Cost"));
        Assert.Equal(1, company.GetProperty("charged").GetDecimal());
        Assert.Equal("Wahlburgers", company.GetProperty("name").GetString());
        Assert.Equal("amenity", company.GetProperty("kind").GetString());
        Assert.Equal(["AU", "CA", "DE", "NZ", "US"], company.GetProperty("countries").EnumerateArray().Select(country => country.GetProperty("code").GetString()!));
        Assert.True(company.GetProperty("expiresAt").GetDateTimeOffset() > TimeProvider.System.GetUtcNow().AddMonths(12).AddDays(-1));

        foreach (var path in (string[])["/companies/Q17032457", "/companies/q17032457"])
        {
            var (again, same) = await host.GetAsync(path);
            Assert.Null(Header(again, "X-Credits-Cost"));
            Assert.Equal(0, same.GetProperty("charged").GetDecimal());
            Assert.Equal(company.GetProperty("expiresAt").GetString(), same.GetProperty("expiresAt").GetString());
        }

        Assert.Equal(124, (await host.ReadLedgerAsync()).Balance);
    }

    [Fact]
    public async Task A_company_of_regions_says_that_it_is_not_in_the_whole_country()
    {
        await using var host = await LeadSearchHost.StartAsync();
        var (_, company) = await host.GetAsync("/companies/Q1000317");
        var germany = Assert.Single(company.GetProperty("countries").EnumerateArray());
        Assert.Equal("DE", germany.GetProperty("code").GetString());
        Assert.False(germany.GetProperty("whole").GetBoolean());
        Assert.Equal(["de-hh", "de-nw"], company.GetProperty("areas").EnumerateArray().Select(area => area.GetProperty("code").GetString()!));
    }

    [Fact]
    public async Task Two_at_once_are_charged_once()
    {
        await using var host = await LeadSearchHost.StartAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => host.GetAsync("/companies/Q17032457")));
        Assert.Equal(1, answers.Sum(answer => answer.Body.GetProperty("charged").GetDecimal()));
        Assert.Equal(124, (await host.ReadLedgerAsync()).Balance);
    }

    [Fact]
    public async Task Signals_are_covered_by_the_company()
    {
        await using var host = await LeadSearchHost.StartAsync();
        await host.GetAsync("/companies/Q17032457");
        var (response, signals) = await host.GetAsync("/companies/Q17032457/signals");
        Assert.Null(Header(response, "X-Credits-Cost"));
        Assert.Equal(0, signals.GetProperty("charged").GetDecimal());
        Assert.Contains(signals.GetProperty("signals").EnumerateArray(), signal => signal.GetProperty("id").GetString() == "country_peers");
        Assert.Equal(124, (await host.ReadLedgerAsync()).Balance);
    }

    [Fact]
    public async Task Signals_without_the_company_cost_their_own_price_each_time()
    {
        await using var host = await LeadSearchHost.StartAsync();
        var (_, first) = await host.GetAsync("/companies/Q17032457/signals");
        var (_, second) = await host.GetAsync("/companies/Q17032457/signals");
        Assert.Equal(1, first.GetProperty("charged").GetDecimal());
        Assert.Equal(JsonValueKind.Null, first.GetProperty("expiresAt").ValueKind);
        Assert.Equal(1, second.GetProperty("charged").GetDecimal());
        Assert.Equal(123, (await host.ReadLedgerAsync()).Balance);
    }

    [Theory]
    [InlineData("/companies/Q1")]
    [InlineData("/companies/Q1/signals")]
    [InlineData("/companies/nonsense")]
    public async Task An_unknown_company_is_not_found_and_free(string path)
    {
        await using var host = await LeadSearchHost.StartAsync();
        var (response, body) = await host.GetAsync(path);
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal("company_unknown", body.GetProperty("code").GetString());
        Assert.Equal("125", Header(response, "X-Credits-Remaining"));
        Assert.Equal((125, 2), await host.ReadLedgerAsync());
    }

    [Fact]
    public async Task When_credits_run_out_nothing_is_handed_out_and_nothing_changes()
    {
        await using var host = await LeadSearchHost.StartAsync();
        for (var search = 0; search < 3; search++)
        {
            Assert.Equal(HttpStatusCode.OK, (await host.GetAsync("/leads/search?category=restaurant&country=US")).Response.StatusCode);
        }

        var before = await host.ReadLedgerAsync();
        Assert.Equal(26, before.Balance);
        var (response, body) = await host.GetAsync("/leads/search?category=restaurant&country=US");
        Assert.Equal(HttpStatusCode.PaymentRequired, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal("insufficient_credits", body.GetProperty("code").GetString());
        Assert.Equal(33, body.GetProperty("required").GetDecimal());
        Assert.Equal(26, body.GetProperty("available").GetDecimal());
        Assert.False(body.TryGetProperty("results", out _));
        Assert.Equal("26", Header(response, "X-Credits-Remaining"));
        Assert.Equal(before, await host.ReadLedgerAsync());
    }

    [Theory]
    [InlineData("category=nonsense", "category", "GET /categories")]
    [InlineData("country=Mars", "country", "two-letter code")]
    [InlineData("limit=0", "limit", "1 to 1000")]
    [InlineData("limit=1001", "limit", "1 to 1000")]
    [InlineData("limit=ten", "limit", "1 to 1000")]
    [InlineData("limit=5&limit=6", "limit", "once")]
    [InlineData("categry=restaurant", "categry", "allowed: category, country, q, limit")]
    [InlineData("q=%27", "q", "a part of a company's name")]
    [InlineData("q=a%07b", "q", "visible characters")]
    [InlineData("q=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "q", "at most 100")]
    public async Task A_wrong_parameter_is_named_with_what_is_allowed_and_costs_nothing(string query, string field, string allowed)
    {
        await using var host = await LeadSearchHost.StartAsync();
        var (response, body) = await host.GetAsync("/leads/search?" + query);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal(field, body.GetProperty("field").GetString());
        Assert.Contains(allowed, body.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal((125, 2), await host.ReadLedgerAsync());
    }

    [Theory]
    [InlineData("/leads/search")]
    [InlineData("/companies/Q17032457")]
    [InlineData("/companies/Q17032457/signals")]
    public async Task Without_a_key_nothing_is_told(string path)
    {
        await using var host = await LeadSearchHost.StartAsync();
        using var response = await host.MakeStranger().GetAsync(path);
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Null(Header(response, "X-Credits-Remaining"));

        using var reader = await host.AddCallerAsync(ApiKeyScopes.Read);
        using var forbidden = await reader.GetAsync(path);
        Assert.Equal(HttpStatusCode.Forbidden, forbidden.StatusCode);
        Assert.Equal((125, 2), await host.ReadLedgerAsync());
    }

    [Fact]
    public async Task Categories_countries_and_prices_are_open()
    {
        await using var host = await LeadSearchHost.StartAsync();
        var stranger = host.MakeStranger();
        using var categories = JsonDocument.Parse(await stranger.GetStringAsync("/categories"));
        Assert.Equal(13_944, categories.RootElement.EnumerateArray().Sum(category => category.GetProperty("companies").GetInt32()));
        using var countries = JsonDocument.Parse(await stranger.GetStringAsync("/countries"));
        Assert.Contains(countries.RootElement.EnumerateArray(), country => country.GetProperty("id").GetString() == "US" && country.GetProperty("name").GetString() == "United States");
        using var prices = JsonDocument.Parse(await stranger.GetStringAsync("/prices"));
        Assert.Equal(["lead.search", "company", "company.signals"], prices.RootElement.EnumerateArray().Select(price => price.GetProperty("product").GetString()!));
    }

    [Theory]
    [InlineData("Metering:Products:company:Unit", "request")]
    [InlineData("Metering:Products:company.signals:CoveredBy", "contact")]
    public async Task Prices_that_the_routes_cannot_charge_fail_the_start(string setting, string value) =>
        await Assert.ThrowsAsync<MeteringStartupException>(() => LeadSearchHost.StartAsync((setting, value)));

    [Fact]
    public async Task What_was_charged_survives_a_restart()
    {
        using var folder = new TemporaryFolder();
        (string, string)[] settings = [("Metering:Store", "sqlite"), ("Metering:Data", folder.File("data"))];
        await using (var host = await LeadSearchHost.StartAsync(settings))
        {
            await host.GetAsync("/leads/search?category=restaurant&country=US&limit=97");
            await host.GetAsync("/companies/Q17032457");
        }

        await using var again = await LeadSearchHost.StartAsync(settings);
        Assert.Equal((112, 4), await again.ReadLedgerAsync());
        var (_, company) = await again.GetAsync("/companies/Q17032457");
        Assert.Equal(0, company.GetProperty("charged").GetDecimal());
    }
}
